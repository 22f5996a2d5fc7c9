// What a reader and a browser find in reports: `run` makes them.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { here, launch, open } from "./browser.mjs";

const REPORTS = ["samples", "many", "nasty", "nothing"];
const AXE = readFileSync(here("node_modules/axe-core/axe.min.js"), "utf8");
const SORTED_WITHIN = 200; // ms, for 20,000 rows

let browser;
before(async () => { browser = await launch(); });
after(() => browser.close());

/** Opens a report, and expects no complaint of the browser about it. */
async function visit(name, options, look) {
  const { page, complaints, close } = await open(browser, name, options);
  try {
    await look(page);
    assert.deepEqual(complaints, []);
  } finally {
    await close();
  }
}

/** Has axe look at a page. */
async function axe(page, options = {}) {
  const [said, passed] = await page.evaluate(async (given) => {
    const { violations, passes } = await globalThis.axe.run({ resultTypes: ["violations"], ...given });
    const where = (one) => one.nodes.slice(0, 3).map((node) => node.html).join(" ");
    return [violations.map((one) => `${one.id}: ${one.help}: ${where(one)}`), passes.length];
  }, options);
  assert.deepEqual(said, []);
  assert.ok(passed > 15, `${passed} rules`);
}

/** The first cells of the rows that are in the page. */
const column = (page, nth) => page.locator(`#access-table tbody tr:not([aria-hidden]) > :nth-child(${nth})`).allTextContents();
const found = (page) => page.locator("#access-found").textContent();

for (const name of REPORTS) {
  describe(`the report of ${name}`, () => {
    for (const colorScheme of ["light", "dark"]) {
      test(`has nothing that axe finds, ${colorScheme}`, () =>
        visit(name, { colorScheme, init: AXE }, async (page) => { await axe(page); }));
    }

    test("has nothing that axe finds when all is unfolded", () =>
      visit(name, { init: AXE }, async (page) => {
        await page.evaluate(() => document.querySelectorAll("details").forEach((one) => { one.open = true; }));
        // Colours are those of what was there before, and take long to look at.
        await axe(page, { rules: { "color-contrast": { enabled: false } } });
      }));

    for (const width of [320, 360, 768, 1280]) {
      test(`is no wider than a window of ${width} pixels`, () =>
        visit(name, { viewport: { width, height: 740 } }, async (page) => {
          assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), width);
          // Nor is any text cut off at the side of the page.
          const beyond = await page.evaluate(() =>
            [...document.querySelectorAll("h1, h2, h3, p, li, dt, dd, summary, figcaption")]
              .filter((one) => one.getBoundingClientRect().right > innerWidth + 1 && !one.closest(".box, .unseen"))
              .map((one) => one.textContent.slice(0, 60)));
          assert.deepEqual(beyond, []);
        }));
    }

    test("says the same without script, and says that it cannot search", () =>
      visit(name, { javaScriptEnabled: false }, async (page) => {
        assert.match(await page.title(), /: imstrail report$/);
        assert.match(await page.locator("footer").textContent(), /personal data/);
        assert.equal(await page.locator("#access-search:visible").count(), 0);
        const rows = await page.locator("#access-table tbody tr").count();
        if (name === "nothing") assert.equal(rows, 0);
        else assert.ok(rows > 0);
        assert.equal(await page.locator("#access-plain").count(), name === "many" ? 1 : 0);
      }));

    test("is printed on light paper", () =>
      visit(name, { colorScheme: "dark" }, async (page) => {
        await page.emulateMedia({ media: "print", colorScheme: "dark" });
        const [paper, ink] = await page.evaluate(() => {
          const style = getComputedStyle(document.body);
          return [style.backgroundColor, style.color].map((color) => color.match(/\d+/g).map(Number)[0]);
        });
        assert.ok(paper > 240 && ink < 60, `${paper} ${ink}`);
      }));
  });
}

describe("the table of last access", () => {
  test("takes no more sheets than one can read", () =>
    visit("many", {}, async (page) => {
      const sheets = (await page.pdf()).toString("latin1").match(/\/Type\s*\/Page\b/g).length;
      assert.ok(sheets > 5 && sheets < 80, `${sheets} sheets`);
    }));

  test("finds users, by parts of their names and by store", () =>
    visit("many", {}, async (page) => {
      const [first] = await column(page, 1);
      assert.match(await found(page), /^2\d,\d{3} users$/);
      await page.fill("#access-find", first.slice(1).toUpperCase());
      const names = await column(page, 1);
      assert.ok(names.includes(first) && names.every((one) => one.includes(first.slice(1))), names.join());
      assert.match(await found(page), /^\d+ of 2\d,\d{3} users$/);
      await page.fill("#access-find", "store2");
      assert.ok((await column(page, 7)).length > 20);
      await page.fill("#access-find", "no such user");
      assert.deepEqual(await column(page, 1), []);
      assert.match(await found(page), /^0 of /);
      await page.fill("#access-find", "");
      assert.match(await found(page), /^2\d,\d{3} users$/);
    }));

  test("sorts 20,000 rows by any column within 200 ms", () =>
    visit("many", {}, async (page) => {
      const times = await page.evaluate(() =>
        [...document.querySelectorAll("#access-table th button")].map((button) => {
          const once = () => {
            const began = performance.now();
            button.click();
            // Until it is laid out.
            document.getElementById("access-box").getBoundingClientRect();
            return performance.now() - began;
          };
          // The least: a busy machine may take its time for others.
          return [button.textContent, Math.min(...[1, 2, 3, 4, 5].map(once))];
        }));
      const slowest = times.reduce((a, b) => (b[1] > a[1] ? b : a));
      console.log(`slowest column: ${slowest[0]}, ${slowest[1].toFixed(1)} ms`);
      assert.ok(slowest[1] < SORTED_WITHIN, JSON.stringify(times));
    }));

  test("is in the order of the column that is asked for, both ways", () =>
    visit("many", {}, async (page) => {
      const heads = page.locator("#access-table thead th");
      const count = await heads.count();
      assert.ok(count >= 6, `${count} columns`);
      for (let nth = 1; nth <= count; nth += 1) {
        const head = heads.nth(nth - 1);
        const button = head.getByRole("button");
        if ((await head.getAttribute("aria-sort")) === null) await button.click();
        for (let way = 0; way < 2; way += 1) {
          const order = await head.getAttribute("aria-sort");
          const cells = (await column(page, nth)).filter((cell) => cell !== "never" && cell !== "");
          const wanted = [...cells].sort();
          if (order === "descending") wanted.reverse();
          assert.deepEqual(cells, wanted, `${order} by ${await head.textContent()}`);
          await button.click();
        }
        assert.equal(await page.locator("#access-table th[aria-sort]").count(), 1);
      }
    }));

  test("has its last rows where one scrolls to", () =>
    visit("many", {}, async (page) => {
      await page.getByRole("button", { name: "User" }).click();
      const [last] = await column(page, 1);
      await page.getByRole("button", { name: "User" }).click();
      await page.locator("#access-box").evaluate((box) => { box.scrollTop = box.scrollHeight; });
      await page.locator("#access-table th[scope=row]", { hasText: last }).first().waitFor();
      const names = await column(page, 1);
      assert.equal(names.at(-1), last);
      assert.ok(names.length < 200, `${names.length} rows in the page`);
      const total = Number(await page.locator("#access-table").getAttribute("aria-rowcount"));
      assert.equal(Number(await page.locator("#access-table tbody tr:not([aria-hidden])").last().getAttribute("aria-rowindex")), total);
    }));

  for (const name of ["samples", "nasty"]) {
    test(`has the same rows with and without script, in ${name}`, async () => {
      let plain;
      await visit(name, { javaScriptEnabled: false }, async (page) => {
        plain = await page.locator("#access-table tbody tr").allInnerTexts();
      });
      assert.ok(plain.length > 10, `${plain.length} rows`);
      await visit(name, {}, async (page) => {
        assert.deepEqual(await page.locator("#access-table tbody tr").allInnerTexts(), plain);
      });
    });
  }

  test("is used with the keyboard alone", () =>
    visit("many", {}, async (page) => {
      const focused = () => page.evaluate(() => [document.activeElement.tagName, document.activeElement.textContent]);
      await page.keyboard.press("Tab");
      assert.deepEqual(await focused(), ["A", "Skip to the report"]);
      await page.keyboard.press("Enter");
      assert.equal((await focused())[0], "MAIN");
      await page.focus("#access-find");
      await page.keyboard.type("a");
      await page.keyboard.press("Tab");
      await page.keyboard.press("Tab");
      assert.deepEqual(await focused(), ["BUTTON", "User"]);
      const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
      assert.equal(outline, "solid");
      await page.keyboard.press("Enter");
      assert.equal(await page.locator("#access-table th[aria-sort=descending]").textContent(), "User");
    }));

  test("links to the section of a user who has one", () =>
    visit("samples", {}, async (page) => {
      const link = page.locator("#access-table tbody a").first();
      const user = await link.textContent();
      await link.click();
      assert.equal(await page.locator(":target h3").textContent(), user);
    }));
});

describe("names that are no names", () => {
  const SCRIPT = "<script>alert(1)</script>";

  test("stay text", () =>
    visit("nasty", {}, async (page) => {
      const names = await column(page, 1);
      for (const name of [SCRIPT, "</script><img/src=x/onerror=alert(1)>", '"onmouseover="alert(1)', "&lt;b&gt;", "<!--", "__proto__"]) {
        assert.ok(names.includes(name), `${name} is not in ${names.join(" ")}`);
      }
      assert.ok(names.every((name) => !/[\u2028\u202e\x80-\x9f]/.test(name)), names.join(" "));
      const elements = await page.evaluate(() =>
        ["img", "b b", "script:not([type])", "[onmouseover]", "[onerror]"].map((what) => document.querySelectorAll(what).length));
      assert.deepEqual(elements, [0, 0, 1, 0, 0]);
      await page.fill("#access-find", "<SCRIPT>");
      assert.deepEqual(await column(page, 1), [SCRIPT]);
      await page.mouse.move(300, 300);
    }));

  test("stand in charts and sections, too", () =>
    visit("nasty", {}, async (page) => {
      assert.ok((await page.getByRole("heading", { name: SCRIPT, exact: true }).count()) >= 1);
      assert.ok((await page.locator("svg > title", { hasText: `Sessions of ${SCRIPT}` }).count()) >= 1);
      assert.match(await page.title(), /<b>store<\/b>/);
    }));
});

describe("the sections of users", () => {
  test("are opened, if they are folded, by a link to them", () =>
    visit("nasty", {}, async (page) => {
      const folded = page.locator("#users details #user12");
      assert.equal(await folded.isVisible(), false);
      await page.evaluate(() => { location.hash = "#user12"; });
      await folded.locator("h3").waitFor({ state: "visible" });
      assert.ok(await folded.evaluate((section) => Math.abs(section.getBoundingClientRect().top) < innerHeight));
    }));
});

describe("the policy of the page", () => {
  test("lets no other script, style or picture in", async () => {
    const { page, close } = await open(browser, "samples");
    const refused = await page.evaluate(async () => {
      const seen = [];
      document.addEventListener("securitypolicyviolation", (event) => seen.push(event.effectiveDirective));
      const script = document.createElement("script");
      script.textContent = "globalThis.crept = true";
      const style = document.createElement("style");
      style.textContent = "body { display: none }";
      const picture = document.createElement("img");
      picture.src = "https://example.com/picture.png";
      document.body.append(script, style, picture);
      await new Promise((done) => { setTimeout(done, 200); });
      return [...new Set(seen)].sort().concat(String(globalThis.crept));
    });
    assert.deepEqual(refused, ["img-src", "script-src-elem", "style-src-elem", "undefined"]);
    await close();
  });
});

describe("the report of an archive without events", () => {
  test("says so on one page", () =>
    visit("nothing", {}, async (page) => {
      assert.equal(await page.locator("h1").textContent(), "No access was logged");
      assert.equal(await page.locator("svg.chart").count(), 0);
      assert.match(await page.locator("main").textContent(), /Files that gave nothing/);
    }));
});
