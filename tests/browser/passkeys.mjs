// Makes and uses a passkey in Chromium, whose authenticator is a virtual one (WebAuthn in the DevTools protocol).
// Takes {chromium, base, password} as JSON on standard input; gives {step: where it led or what was seen}.
import fs from 'node:fs';
import { chromium } from 'playwright-core';

const job = JSON.parse(fs.readFileSync(0, 'utf8'));
const browser = await chromium.launch({
  executablePath: job.chromium, args: ['--headless', '--no-sandbox', '--disable-gpu'],
});
const seen = {};
const context = await browser.newContext();
const tab = await context.newPage();
const findings = [];
tab.on('console', (m) => { if (m.type() === 'error') findings.push(m.text()); });
tab.on('pageerror', (e) => findings.push(e.message));
const devices = await context.newCDPSession(tab);
await devices.send('WebAuthn.enable');
const { authenticatorId } = await devices.send('WebAuthn.addVirtualAuthenticator', {
  options: {
    protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true,
    isUserVerified: true, automaticPresenceSimulation: true,
  },
});

const at = () => new URL(tab.url()).pathname;
const press = (form) => Promise.all([tab.waitForNavigation(), tab.click(`${form} button`)]);

await tab.goto(`${job.base}/login`);
await tab.fill('#login-login', 'ines');
await tab.fill('#login-password', job.password);
await press('form[action="/login"]');
await tab.goto(`${job.base}/settings/safety/passkey`);
await press('form[data-passkey]');
seen.added = tab.url().replace(job.base, '');
await context.clearCookies();
await tab.goto(`${job.base}/login/passkey?next=%2Fsettings`);
await press('form[data-passkey]');
seen.entered = at();
await tab.goto(`${job.base}/settings/prove?next=%2Fsettings%2Fsafety`);
await press('form[data-passkey]');
seen.proved = at();
await context.clearCookies();
await devices.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: false });
await tab.goto(`${job.base}/login/passkey`);
await tab.click('form[data-passkey] button');
await tab.waitForSelector('[data-failed]:not([hidden])');
seen.unverified = at();

const plain = await browser.newContext({ javaScriptEnabled: false });
const other = await plain.newPage();
await other.goto(`${job.base}/login/passkey`);
seen.plain = await other.textContent('.note');
await browser.close();
process.stdout.write(JSON.stringify({ ...seen, findings }));
