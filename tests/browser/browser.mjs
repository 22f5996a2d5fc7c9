// A page of a report in Chromium, and what it should not have done.
import { chromium } from "playwright-core";
import { fileURLToPath, pathToFileURL } from "node:url";
import { join } from "node:path";

const FLAGS = [
  "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync",
];

/** Where a file of this package is. */
export const here = (name) => fileURLToPath(new URL(name, import.meta.url));

export const launch = () => chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: FLAGS });

/** Opens a report by its name. `complaints` gathers messages of the console, errors, dialogs, and requests for anything else. */
export async function open(browser, name, options = {}) {
  const { init, ...rest } = options;
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...rest });
  const page = await context.newPage();
  const complaints = [];
  const url = pathToFileURL(join(process.env.REPORTS, `${name}.html`)).href;
  page.on("console", (message) => complaints.push(`console: ${message.text()}`));
  page.on("pageerror", (error) => complaints.push(`error: ${error.message}`));
  page.on("request", (request) => { if (request.url() !== url) complaints.push(`request: ${request.url()}`); });
  page.on("dialog", (dialog) => { complaints.push(`dialog: ${dialog.message()}`); dialog.dismiss(); });
  if (init) await page.addInitScript({ content: init });
  await page.goto(url);
  return { page, complaints, close: () => context.close() };
}
