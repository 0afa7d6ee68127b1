// Opens the page in headless Chromium, as a person would: node check.mjs FOLDER PICTURE OUTPUT.png Blond_Hair ...
// FOLDER holds index.html, model.onnx, model.onnx.json and node_modules. CHROMIUM names the browser.
import { createServer } from "node:http";
import { readFile, writeFile } from "node:fs/promises";
import { extname, join, normalize } from "node:path";
import puppeteer from "puppeteer-core";

const [folder, picture, output, ...attributes] = process.argv.slice(2);
const types = { ".html": "text/html", ".mjs": "text/javascript", ".wasm": "application/wasm", ".json": "application/json" };

const server = createServer(async (request, response) => {
  const path = normalize(decodeURIComponent(new URL(request.url, "http://localhost").pathname));
  try {
    const content = await readFile(join(folder, path));
    response.writeHead(200, { "Content-Type": types[extname(path)] ?? "application/octet-stream" }).end(content);
  } catch {
    response.writeHead(404).end();
  }
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));

const browser = await puppeteer.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox"],
  protocolTimeout: 300_000,
});
try {
  const page = await browser.newPage();
  page.on("pageerror", (error) => console.error(String(error)));
  const says = (text) =>
    page.waitForFunction((start) => document.getElementById("status").textContent.startsWith(start), { timeout: 300_000 }, text);
  await page.goto(`http://127.0.0.1:${server.address().port}/index.html`);
  await says("choose");
  for (const name of attributes) await page.click(`input[name="${name}"]`);
  await says("done");
  await (await page.$("#file")).uploadFile(picture);
  await page.waitForFunction(() => document.getElementById("file").files.length === 1);
  await page.waitForFunction(() => {
    const canvas = document.getElementById("source");
    return canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.some((value) => value);
  });
  await says(`done: ${attributes.join(", ")}`);
  const data = await page.evaluate(() => document.getElementById("result").toDataURL("image/png"));
  await writeFile(output, Buffer.from(data.split(",")[1], "base64"));
} finally {
  await browser.close();
  server.close();
}
