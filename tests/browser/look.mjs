// Looks at pages in Chromium. Takes a job as JSON on standard input, gives findings as JSON.
// job: {chromium, shots?, pages: [{name, url, cookie?, axe}]}; answer: {runs, passed, findings: [text]}
import fs from 'node:fs';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';

const FLAGS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync'];
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
const SCHEMES = ['light', 'dark'];
const WIDTHS = [360, 1280];
const NARROW = 320;

const axe = fs.readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const job = JSON.parse(fs.readFileSync(0, 'utf8'));
const browser = await chromium.launch({ executablePath: job.chromium, args: FLAGS });
const answer = { runs: 0, passed: 0, findings: [] };
const find = (...words) => answer.findings.push(words.join(' '));

async function context(width, colorScheme) {
  const made = await browser.newContext({ viewport: { width, height: 800 }, colorScheme });
  const tab = await made.newPage();
  tab.setDefaultTimeout(180_000); // a busy machine is no fault of the page
  // The page's own refusals (policy, missing files) are findings; an error page's status is not.
  tab.on('console', (m) => {
    if (m.type() === 'error' && m.location().url !== tab.url()) find('console', tab.url(), m.text());
    if (/Content Security Policy/i.test(m.text())) find('policy', tab.url(), m.text());
  });
  tab.on('pageerror', (e) => find('script', tab.url(), e.message));
  return { made, tab };
}

async function open(made, tab, page) {
  await made.clearCookies();
  if (page.cookie) {
    const [name, ...value] = page.cookie.split('=');
    await made.addCookies([{ name, value: value.join('='), url: page.url }]);
  }
  await tab.goto(page.url);
}

const unfold = (tab) => tab.evaluate(() => {
  for (const e of document.querySelectorAll('details')) e.open = true;
});

async function judge(tab, words) {
  await tab.evaluate(axe);
  const said = await tab.evaluate((values) => globalThis.axe.run(document, {
    runOnly: { type: 'tag', values }, rules: { 'target-size': { enabled: true } },
  }), TAGS);
  answer.runs += 1;
  answer.passed += said.passes.length;
  for (const v of said.violations) {
    for (const n of v.nodes) find('axe', words, v.id, n.target.join(' '), n.failureSummary ?? '');
  }
}

// What sticks out to either side: the skip link and the band across the page are meant to.
const sticking = (tab) => tab.evaluate(() => {
  document.body.style.overflowX = 'visible';
  const wide = document.documentElement.clientWidth;
  const page = document.documentElement.scrollWidth > wide + 1 ? ['the page scrolls'] : [];
  return page.concat([...document.querySelectorAll('body *')].filter((e) => {
    const r = e.getBoundingClientRect();
    return r.width > 1 && (r.right > wide + 1 || r.left < -1)
      && !e.matches('.skip, .floor') && !e.closest('.unseen');
  }).slice(0, 4).map((e) => `${e.tagName}.${e.className} ${e.textContent.slice(0, 30).trim()}`));
});

// The text spacing that WCAG 1.4.12 asks a page to bear.
const space = (tab) => tab.evaluate(() => {
  for (const e of document.querySelectorAll('body *')) {
    e.style.lineHeight = '1.5';
    e.style.letterSpacing = '.12em';
    e.style.wordSpacing = '.16em';
  }
  for (const e of document.querySelectorAll('p')) e.style.marginBottom = '2em';
});

for (const scheme of SCHEMES) {
  for (const width of WIDTHS) {
    const { made, tab } = await context(width, scheme);
    for (const page of job.pages.filter((p) => p.axe)) {
      await open(made, tab, page);
      if (job.shots) {
        await tab.screenshot({ path: `${job.shots}/${page.name}-${scheme}-${width}.png`, fullPage: true });
      }
      await unfold(tab);
      await judge(tab, `${page.name} ${scheme} ${width}`);
    }
    await made.close();
  }
}
const { made, tab } = await context(NARROW, 'light');
for (const page of job.pages) {
  await open(made, tab, page);
  await unfold(tab);
  for (const spaced of [false, true]) {
    if (spaced) await space(tab);
    const out = await sticking(tab);
    answer.runs += 1;
    if (out.length) find('wide', page.name, spaced ? 'spaced' : 'plain', out.join(' | '));
  }
}
await made.close();
await browser.close();
process.stdout.write(JSON.stringify(answer));
