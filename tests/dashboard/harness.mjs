// A browser, pages of roles, and cases that are named by what must hold.

import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import assert from 'node:assert/strict';

const setting = (name) => process.env[`DASHBOARD_${name}`];
const { chromium } = createRequire(`${setting('MODULES')}/`)('playwright-core');

export const URL = setting('URL');
export const TOKENS = { admin: setting('ADMIN'), reader: setting('READER') };
export const HOSTILE = setting('HOSTILE');
const LIMIT_MS = 15000;

const answers = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

// Has the program that started this one do something, and waits until it is done.
export async function stage(what) {
  console.log(`do ${what}`);
  assert.equal((await answers.next()).value, 'done');
}

export async function api(path, { role = 'admin', ...options } = {}) {
  const headers = { Authorization: `Bearer ${TOKENS[role]}`, 'Content-Type': 'application/json' };
  const answer = await fetch(`${URL}/api/v1${path && `/${path}`}`, { headers, ...options });
  const said = await answer.json();
  assert.ok(answer.ok, `${path}: ${JSON.stringify(said)}`);
  return said;
}

// Until `ask` gives what is true.
export async function until(what, ask) {
  const end = performance.now() + LIMIT_MS;
  for (;;) {
    const value = await ask();
    if (value) return value;
    assert.ok(performance.now() < end, `in vain: ${what}`);
    await new Promise((resolve) => { setTimeout(resolve, 50); });
  }
}

// What no page may say on its console; a refused request is told there, too, and is no fault.
export const complaints = [];
function listen(page) {
  page.setDefaultTimeout(LIMIT_MS);
  page.on('pageerror', (error) => complaints.push(`page error: ${error.stack}`));
  page.on('console', (message) => {
    const isFault = ['error', 'warning'].includes(message.type());
    if (isFault && !message.text().startsWith('Failed to load resource')) complaints.push(message.text());
  });
  page.on('dialog', (dialog) => {
    complaints.push(`a script of others ran: ${dialog.message()}`);
    dialog.dismiss();
  });
}

let browser;
export async function open(role, path = '') {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  const page = await context.newPage();
  listen(page);
  if (role) await context.addInitScript((token) => sessionStorage.setItem('vipgate-token', token), TOKENS[role]);
  await page.goto(`${URL}/${path}`);
  return page;
}

export const shot = (page, name) => page.screenshot({ path: `${setting('SCREENSHOTS')}/${name}.png` });

// steps: each has lanes that go at the same time, a lane cases [name, run] that follow each other. `only`:
// words of the names of those that are run alone.
export async function run(steps, only = '') {
  browser = await chromium.launch({ executablePath: setting('CHROMIUM'), args: ['--no-sandbox', '--disable-dev-shm-usage'] });
  let failed = 0;
  async function runCase([name, test]) {
    if (!name.includes(only)) return;
    const began = performance.now();
    try {
      await test();
      console.log(`ok      ${name} (${((performance.now() - began) / 1000).toFixed(1)} s)`);
    } catch (error) {
      failed += 1;
      console.log(`FAILED  ${name}: ${error.stack}`);
      // How it looked.
      const pages = browser.contexts().flatMap((context) => context.pages());
      for (const [i, page] of pages.entries()) await shot(page, `failed-${failed}-${i}`);
    }
  }
  for (const lanes of steps) {
    await Promise.all(lanes.map(async (lane) => {
      for (const each of lane) await runCase(each);
    }));
  }
  await browser.close();
  process.exit(failed === 0 ? 0 : 1);
}
