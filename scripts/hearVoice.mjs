// When the mouth begins to move after a sound, in Chromium, through a real audio context, as a table. What
// scripts/measureVoice.mjs computes, with the clocks and the threads of a browser; a busy machine shows.
//   node scripts/hearVoice.mjs FOLDER [CLIPS]    FOLDER is what `python -m training.voice.speak` wrote
import { readFileSync } from "node:fs";
import path from "node:path";
import { build } from "esbuild";
import { WithPageAsync } from "./browser.mjs";
import { StartServerAsync } from "./serve.mjs";
import { WorkerTextAsync } from "./workerText.mjs";

const [folder, clips = "40"] = process.argv.slice(2);
if (!folder) {
    console.error("node scripts/hearVoice.mjs FOLDER [CLIPS]");
    process.exit(1);
}

/** `x.ts?text`, see scripts/workerText.mjs. */
const workerTexts = {
    name: "worker texts",
    setup({ onResolve, onLoad }) {
        onResolve({ filter: /\?text$/ }, ({ resolveDir, path: file }) => ({
            path: path.resolve(resolveDir, file.slice(0, -"?text".length)),
            namespace: "text",
        }));
        onLoad({ filter: /.*/, namespace: "text" }, async ({ path: file }) => ({
            contents: `export default ${JSON.stringify(await WorkerTextAsync(file))}`,
        }));
    },
};
const { outputFiles } = await build({
    entryPoints: ["tests/support/hearingPage.ts"],
    bundle: true,
    write: false,
    format: "esm",
    plugins: [workerTexts],
    logLevel: "error",
});
const worklet = await WorkerTextAsync("src/runtime/voice/worklet/voiceWorklet.ts");
const files = JSON.parse(readFileSync(path.join(folder, "speech.json"), "utf8"))
    .slice(0, Number(clips))
    .map(({ file }) => `/${file}`);

const page = (policy) => ({
    body: `${policy ? `<meta http-equiv="Content-Security-Policy" content="${policy}" />` : ""}
        <script type="module" src="/page.js"></script>`,
});
const strict = "default-src 'none'; script-src 'self'; connect-src 'self'";
const server = await StartServerAsync({
    folder,
    intercept: (pathname) =>
        ({
            "/index.html": page(),
            "/strict.html": page(strict),
            "/page.js": { body: outputFiles[0].text },
            "/voiceWorklet.js": { body: worklet },
        })[pathname],
});

console.log("| sound | onset median / worst | early / late | sample to frame | longest frame | notices |");
console.log("|---|---|---|---|---|---|");
for (const [name, address, mode, workletUrl, count] of [
    ["stream, as a microphone", "index.html", "stream", undefined, files.length],
    ["audio node", "index.html", "node", undefined, files.length],
    ["speakAsync", "index.html", "speak", undefined, files.length],
    ["stream, policy without blob:", "strict.html", "stream", undefined, 3],
    ["stream, policy without blob:, workletUrl", "strict.html", "stream", "/voiceWorklet.js", 3],
]) {
    const flags = ["--autoplay-policy=no-user-gesture-required"];
    await WithPageAsync({ limitMs: 20 * 60_000, flags }, async ({ page: tab }) => {
        await tab.goto(`${server.url}/${address}`);
        while (!(await tab.evaluate(() => "HearAsync" in window))) {
            await new Promise((resolve) => setTimeout(resolve, 50));
        }
        const heard = await tab.evaluate(
            (...values) => window.HearAsync(...values),
            files.slice(0, count),
            mode,
            workletUrl,
        );
        const off = heard.onsets.map(Math.abs).sort((a, b) => a - b);
        const ms = (value) => `${value.toFixed(0)} ms`;
        const cells = [
            name,
            `${off[off.length >> 1].toFixed(0)} / ${ms(off.at(-1))} of ${off.length}`,
            `${Math.min(...heard.onsets).toFixed(0)} / ${ms(Math.max(...heard.onsets))}`,
            ms(heard.latencyMs),
            ms(heard.longestFrameMs),
            heard.notices.join(", ") || "none",
        ];
        console.log(`| ${cells.join(" | ")} |`);
    });
}
await server.closeAsync();
