// The pictures of a report in docs/: wide, on a phone, and dark.
import { statSync } from "node:fs";
import { here, launch, open } from "./browser.mjs";

const MOST = 300_000; // bytes

const VIEWS = [
  { name: "wide", viewport: { width: 1180, height: 1500 } },
  { name: "dark", viewport: { width: 1180, height: 1500 }, colorScheme: "dark", at: "#users" },
  { name: "phone", viewport: { width: 360, height: 1500 }, at: "#activity" },
];

const browser = await launch();
for (const { name, at, ...view } of VIEWS) {
  const { page, complaints, close } = await open(browser, "weeks", view);
  if (at) await page.locator(at).evaluate((part) => part.scrollIntoView());
  const path = here(`../../docs/report-${name}.png`);
  await page.screenshot({ path });
  await close();
  const { size } = statSync(path);
  console.log(`docs/report-${name}.png: ${size} bytes`);
  if (size > MOST || complaints.length > 0) throw new Error(`${path}: ${size} bytes, ${complaints.join("; ")}`);
}
await browser.close();
