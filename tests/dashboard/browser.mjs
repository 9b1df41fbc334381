// What must hold of the dashboard, in the browser. See dashboard_test.py.

import assert from 'node:assert/strict';
import { findBarriers, focused } from './accessible.mjs';
import { api, complaints, HOSTILE, open, run, shot, stage, until, TOKENS, URL } from './harness.mjs';

const REDIS = '11.202.66.36:6379:tcp';
const B1 = '10.9.1.11:30585';
const B2 = '10.9.1.12:31002';
const MANY = 10000;

const servicePage = `#/services/${encodeURIComponent(REDIS)}`;
const row = (page, real) => page.locator('table[aria-label=Reals] tr', { hasText: real });
const figure = async (page, number) => {
  const text = (await page.locator('.tile b').nth(number).textContent()).replace(/\s(?=\d)/g, '');
  const [, digits, sign] = text.match(/^([\d.]+) ?([kMGT]?)$/) ?? [];
  return Number(digits) * { '': 1, k: 1e3, M: 1e6, G: 1e9, T: 1e12 }[sign];
};

let admin;

async function asksForAToken() {
  const page = await open(null);
  await page.getByRole('dialog', { name: 'Sign in' }).waitFor();
  assert.equal(await page.locator('.tile b').first().textContent(), '–');
  await page.keyboard.type('no-token-of-anybody');
  await page.keyboard.press('Enter');
  await page.getByText('does not know this token').waitFor();
  await page.keyboard.type(TOKENS.reader);
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: /^ann · reader/ }).waitFor();
  await page.context().close();
}

async function showsTraffic() {
  admin = await open('admin');
  await admin.getByText('things to know').or(admin.locator('.verdict h1')).first().waitFor();
  await until('packets', async () => await figure(admin, 0) > 0 && await figure(admin, 3) > 0);
  // Over the same seconds.
  const counted = async () => [performance.now(), (await api('counters')).rx_packets];
  const before = await counted();
  const seen = [await figure(admin, 0)];
  await until('some figures', async () => {
    const now = await figure(admin, 0);
    if (seen[seen.length - 1] !== now) seen.push(now);
    return seen.length >= 3;
  });
  const after = await counted();
  const rate = ((after[1] - before[1]) * 1000) / (after[0] - before[0]);
  // The load is no steady one.
  for (const each of seen.slice(1)) assert.ok(each > rate / 4 && each < rate * 4, `shown ${seen}, counted ${rate}`);
}

async function isReached() {
  const page = await open('admin');
  await page.getByRole('button', { name: /^eve · admin/ }).waitFor();
  const order = [];
  for (let i = 0; i < 10; ++i) {
    await page.keyboard.press('Tab');
    order.push(await page.evaluate(focused));
  }
  assert.deepEqual(order.slice(0, 2), ['Skip to the content', 'vipgate']);
  assert.deepEqual(order.slice(2, 8), ['1Overview', '2Services', '3Flows', '4DNS', '5Explain', '6Events']);
  assert.match(order[8], /^eve · admin/);
  assert.equal(order[9], 'Keys');
  const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
  assert.equal(outline, 'solid', 'what has the focus shows it');
  await page.setViewportSize({ width: 390, height: 800 });
  for (const key of '123456') {
    await page.keyboard.press(key);
    const [wide, seen] = await page.evaluate(() => [document.querySelector('main').scrollWidth, innerWidth]);
    assert.ok(wide <= seen, `view ${key} is ${wide} wide, a phone ${seen}`);
    if (key === '1' || key === '2') await shot(page, `phone-${key}`);
  }
  await page.context().close();
  for (const key of '123456') {
    await admin.keyboard.press(key);
    await until('the view', () => admin.evaluate((at) => document.querySelectorAll('#tabs a')[at].ariaCurrent === 'page', key - 1));
    assert.deepEqual(await admin.evaluate(findBarriers), [], `view ${key}`);
  }
  await admin.keyboard.press('2');
  await admin.keyboard.press('/');
  assert.equal(await admin.evaluate(focused), 'Filter services');
  await admin.keyboard.press('Escape');
  await admin.keyboard.press('1');
}

async function turnsRed() {
  const page = await open('admin', servicePage);
  await row(page, B1).getByText('up', { exact: true }).waitFor();
  await page.evaluate(() => { window.stays = true; });
  await stage('stop_backend');
  await row(page, B1).locator('.state.wrong', { hasText: 'down' }).waitFor();
  assert.equal(await row(page, B1).locator('.state').evaluate((node) => getComputedStyle(node).color), 'rgb(255, 115, 105)');
  await admin.locator('.verdict.wrong li', { hasText: '1 real down' }).waitFor();
  await admin.locator('.events li', { hasText: `${B1} of ${REDIS} is down` }).waitFor();
  await shot(admin, 'wrong');
  await stage('start_backend');
  await row(page, B1).getByText('up', { exact: true }).waitFor();
  await admin.locator('.verdict:not(.wrong)').waitFor();
  assert.ok(await page.evaluate(() => window.stays), 'without a reload');
  await page.context().close();
}

async function drains() {
  const page = await open('admin', servicePage);
  const button = page.getByRole('button', { name: `Drain ${B2}` });
  await button.focus();
  await page.keyboard.press('d');
  await page.getByRole('dialog', { name: `Drain ${B2}` }).waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  assert.deepEqual((await api('drains')).drains, [], 'Esc drains nothing');
  assert.equal(await page.evaluate(focused), `Drain ${B2}`, 'the focus is where it was');
  await page.keyboard.press('Enter');
  await page.getByRole('dialog', { name: `Drain ${B2}` }).waitFor();
  await shot(page, 'drain');
  await page.keyboard.press('Enter');
  await row(page, B2).getByText('draining').waitFor();
  assert.deepEqual((await api('drains')).drains.map((each) => each.real), [B2]);
  const real = (await api(`services/${encodeURIComponent(REDIS)}`)).reals.find((each) => each.address === '10.9.1.12');
  assert.equal(real.state, 'draining');
  await until('no rows', async () => (await row(page, B2).textContent()).includes('0 %'));
  await page.getByRole('button', { name: `Give back ${B2}` }).focus();
  await page.keyboard.press('Enter');
  await page.getByRole('dialog', { name: `Give ${B2} back` }).waitFor();
  await page.keyboard.press('Enter');
  await row(page, B2).getByText('up', { exact: true }).waitFor();
  assert.deepEqual((await api('drains')).drains, []);
  await shot(page, 'service');
  await page.context().close();
}

async function readersOnlyRead() {
  const page = await open('reader', servicePage);
  await row(page, B1).getByText('up', { exact: true }).waitFor();
  await page.getByRole('button', { name: /^ann · reader/ }).waitFor();
  assert.equal(await page.locator('main button[data-real]').count(), 0);
  assert.equal(await page.getByRole('button', { name: /Drain|Give back/ }).count(), 0);
  await page.context().close();
}

async function asksDns() {
  await admin.keyboard.press('4');
  await admin.keyboard.press('/');
  await admin.keyboard.type('redis.marathon.l4lb.thisdcos.directory');
  await admin.keyboard.press('Enter');
  await admin.locator('table[aria-label=answer] td', { hasText: '11.202.66.36' }).waitFor();
  await admin.getByText('NOERROR · ').waitFor();
  await shot(admin, 'dns');
  await admin.getByLabel('Name', { exact: true }).fill('nobody.mesos');
  await admin.keyboard.press('Enter');
  await admin.getByText('NXDOMAIN').waitFor();
  await admin.keyboard.press('Escape');
}

// Where the gateway has these paths, what it answers; else it is said that it has not.
async function asksForFlowsAndExplanations() {
  const has = new Set((await api('')).routes.map((each) => each.path));
  await admin.keyboard.press('3');
  await admin.getByRole('button', { name: 'Find' }).click();
  if (has.has('/api/v1/flows')) await admin.locator('.row', { hasText: '11.202.66.36:6379' }).first().waitFor();
  else await admin.getByText('This gateway does not tell flows.').waitFor();
  assert.match(await admin.locator('.row', { hasText: '11.202.66.36:6379' }).first().innerText(), /redis\.marathon/);
  await shot(admin, 'flows');
  await admin.keyboard.press('Escape');
  await admin.keyboard.press('5');
  assert.deepEqual(await admin.getByLabel('Protocol').locator('option').allTextContents(), ['TCP', 'UDP', 'SCTP']);
  await admin.getByLabel('From').fill('10.9.0.1:40000');
  await admin.getByLabel('To', { exact: true }).fill('11.202.66.36:6379');
  await admin.keyboard.press('Enter');
  if (has.has('/api/v1/explain')) {
    await admin.locator('.steps li', { hasText: 'redis' }).first().waitFor();
    assert.equal(await admin.locator('.steps .final span').innerText(), 'forward');
    assert.equal(await admin.getByText('forward', { exact: true }).count(), 1);
  } else await admin.getByText('This gateway does not explain packets.').waitFor();
  await shot(admin, 'explain');
  await admin.keyboard.press('Escape');
}

async function hostileNamesAreText() {
  await admin.keyboard.press('1');
  await admin.locator('.items', { hasText: HOSTILE }).waitFor();
  assert.equal(await admin.locator('main img').count(), 0);
  // No gateway would make such a service: this is what would happen if one did.
  const page = await open('admin');
  await page.route('**/api/v1/services', async (route) => {
    const answer = await route.fetch();
    const said = await answer.json();
    said.services[0].name = HOSTILE;
    said.services[0].state = 'no_real';
    said.services[0].reals[0].state = HOSTILE;
    await route.fulfill({ json: said });
  });
  await page.locator('.problems', { hasText: HOSTILE }).waitFor();
  await page.keyboard.press('2');
  await page.locator('.row', { hasText: HOSTILE }).waitFor();
  await page.keyboard.press('Home');
  await page.keyboard.press('Enter');
  await page.locator('h1', { hasText: HOSTILE }).waitFor();
  assert.equal(await page.locator('main img').count(), 0);
  await page.context().close();
}

async function scrollsTenThousand() {
  const services = Array.from({ length: MANY }, (_, i) => ({
    name: `app-${i}`, vip: `11.${100 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}`, port: 80, reals: [{ address: '10.9.1.11', port: 8080 }],
  }));
  await api('services', { method: 'PUT', body: JSON.stringify({ services }) });
  const all = (await api('services')).services;
  assert.ok(all.length > MANY);
  const page = await open('admin', '#/services');
  await page.getByText(`${(all.length).toLocaleString('en').replace(',', ' ')} services`).waitFor();
  await page.getByRole('button', { name: 'Address' }).click();
  await page.getByRole('grid').focus();
  await page.keyboard.press('End');
  await page.locator('.row.active', { hasText: all[all.length - 1].id }).waitFor();
  assert.ok(await page.locator('.row.active').isVisible());
  assert.ok(await page.locator('.row').count() < 60, 'as many rows as are seen');
  for (let i = 0; i < 30; ++i) await page.mouse.wheel(0, -9000);
  await page.keyboard.press('Home');
  await page.locator('.row.active', { hasText: all[0].id }).waitFor();
  assert.ok(await page.locator('.row').count() < 60);
  await shot(page, 'services');
  await page.keyboard.press('/');
  await page.keyboard.type('app-9999');
  await page.getByText(`1 service of`).waitFor();
  await page.keyboard.press('Enter');
  await page.keyboard.press('Home');
  await page.keyboard.press('Enter');
  await page.locator('h1', { hasText: 'app-9999' }).waitFor();
  await page.keyboard.press('Escape');
  await page.getByLabel('Filter services').waitFor();
  await page.context().close();
  await api('services', { method: 'PUT', body: JSON.stringify({ services: [] }) });
}

async function saysThatTheGatewayIsGone() {
  await admin.keyboard.press('1');
  await stage('stop_gateway');
  await admin.locator('.banner', { hasText: 'The gateway does not answer' }).waitFor();
  await admin.getByText('Not known: the gateway does not answer').waitFor();
  assert.equal(await admin.evaluate(() => document.body.dataset.state), 'old');
  assert.ok(await admin.evaluate(() => getComputedStyle(document.querySelector('main')).filter !== 'none'));
  await shot(admin, 'gone');
  await stage('start_gateway');
  await admin.locator('#banner').waitFor({ state: 'hidden' });
  await admin.locator('.link', { hasText: /^live$/ }).waitFor();
  await until('traffic again', async () => await figure(admin, 0) > 0);
  assert.ok(await figure(admin, 0) < 5e6, 'counters that began anew are no traffic');
}

async function runsNothingOfOthers() {
  const page = await fetch(`${URL}/`);
  const policy = page.headers.get('Content-Security-Policy');
  assert.match(policy, /default-src 'none'/);
  assert.doesNotMatch(policy, /unsafe/);
  assert.equal(page.headers.get('X-Content-Type-Options'), 'nosniff');
  assert.doesNotMatch(await page.text(), /<script>|<style>|style=|\son\w+=/);
  assert.deepEqual(complaints, []);
}

// For the README: a minute of traffic, and something that is wrong.
async function picture() {
  const page = await open('admin');
  await new Promise((resolve) => { setTimeout(resolve, 50000); });
  await stage('stop_backend');
  await page.locator('.verdict.wrong li', { hasText: '1 real down' }).waitFor();
  await new Promise((resolve) => { setTimeout(resolve, 6000); });
  await shot(page, 'picture');
}

const [only] = process.argv.slice(2);
await run(only === 'The picture' ? [[[['The picture is taken', picture]]]] : [
  [
    [['Without a good token the page shows nothing, and asks for one', asksForAToken]],
    [['The overview shows the traffic that flows', showsTraffic]],
  ],
  [[
    ['Keys reach everything, and everything has contrast and a name', isReached],
    ['A stopped backend turns red, and back, without a reload', turnsRed],
    ['The drain button drains, by keyboard, once that was confirmed', drains],
  ]],
  [
    [['Who may only read has no buttons that change', readersOnlyRead]],
    [
      ['The DNS box answers', asksDns],
      ['Flows and explanations are told, or it is said that they are not', asksForFlowsAndExplanations],
      ['Hostile names are text', hostileNamesAreText],
    ],
  ],
  [[
    ['Ten thousand services scroll, with few rows in the page', scrollsTenThousand],
    ['When the gateway is gone the page says so, and recovers', saysThatTheGatewayIsGone],
    ['Nothing broke the content policy or complained', runsNothingOfOthers],
  ]],
], only);
