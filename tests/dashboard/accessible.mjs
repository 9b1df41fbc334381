// What a page must have for who cannot see it well, or has no mouse: looked at in the page itself.

// Texts whose contrast with what is behind them is below 4.5 : 1 (WCAG 2, 1.4.3), and controls without
// a name.
export function findBarriers() {
  const found = [];
  const channels = (color) => color.match(/[\d.]+/g).map(Number);
  const luminance = ([r, g, b]) => [r, g, b].map((each) => each / 255)
    .map((each) => (each <= 0.03928 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4))
    .reduce((sum, each, i) => sum + each * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const color = channels(getComputedStyle(at).backgroundColor);
      if (color.length === 3 || color[3] === 1) return color;
    }
    return [0, 0, 0];
  };
  for (const node of document.querySelectorAll('body *')) {
    if (!node.checkVisibility() || node.closest(':disabled')) continue;
    const says = [...node.childNodes].some((each) => each.nodeType === Node.TEXT_NODE && each.data.trim());
    if (says) {
      const style = getComputedStyle(node);
      const ink = channels(node.namespaceURI.endsWith('svg') ? style.fill : style.color);
      const [high, low] = [luminance(ink), luminance(behind(node))].sort((a, b) => b - a);
      const ratio = (high + 0.05) / (low + 0.05);
      if (ratio < 4.5) found.push(`contrast ${ratio.toFixed(2)}: ${node.textContent.slice(0, 40)}`);
    }
    if (node.matches('a, button, input, select')) {
      const name = node.getAttribute('aria-label') || node.textContent.trim() || node.labels?.[0]?.textContent.trim();
      if (!name) found.push(`no name: ${node.outerHTML.slice(0, 80)}`);
    }
  }
  return found;
}

// What has the focus, in a word.
export function focused() {
  const node = document.activeElement;
  return node.getAttribute('aria-label') || node.textContent.trim() || node.tagName;
}
