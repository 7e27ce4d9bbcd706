// The live part of bench/camera.mjs: opens pages whose camera is a film, and tells how late their faces are, what our
// code allocates on the page's thread per followed frame, and which of the page's tasks are long.
import { writeFileSync } from "node:fs";
import path from "node:path";
import { WithPageAsync } from "../../scripts/browser.mjs";
import { AllocatedBy } from "./allocations.mjs";

/** As in live.ts. */
const Parts = ["capture", "networks", "fit", "wait", "frame", "page", "drawing"];
const DriverParts = ["driver: picture to its start", "driver: run", "driver: picture to its drawn map"];
/** Followed frames until the engine has compiled what runs in each of them. */
const WarmFrames = 600;
/** Limits of the steps, milliseconds. */
const OpenMs = 400_000;
const WarmMs = 40_000;
const MeasureMs = 90_000;

const quantile = (values, share) => [...values].sort((a, b) => a - b)[Math.floor(share * (values.length - 1))];
const tell = (kind, text) => console.log(`    ${kind}, ${(performance.now() / 1000).toFixed(0)} s: ${text}`);

/**
 * @param options `url` of the page, `film` a folder, `person` its address, `script` the page's, `kinds` of drawing,
 * `frames` to be followed, `size` of the picture, `pictureFile` or undefined
 */
export async function LiveAsync({ url, film, person, script, kinds, frames, size, pictureFile }) {
    const flags = [
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        `--use-file-for-fake-video-capture=${path.resolve(film, "film.mjpeg")}`,
    ];
    for (const kind of kinds) {
        await WithPageAsync({ limitMs: OpenMs + WarmMs + 3 * MeasureMs, flags }, async ({ page, consoleErrors }) => {
            await page.exposeFunction("tell", (text) => tell(kind, text));
            await page.goto(url);
            await page.waitForFunction(() => window.live);
            const callAsync = (limitMs, method, ...values) =>
                Promise.race([
                    page.evaluate((name, given) => window.live[name](...given), method, values),
                    new Promise((_, reject) => {
                        setTimeout(() => reject(new Error(`${method} takes over ${limitMs} ms`)), limitMs).unref();
                    }),
                ]);
            await callAsync(OpenMs, "OpenLiveAsync", kind, person, ...size);
            await callAsync(2 * WarmMs, "MeasureLiveAsync", WarmFrames, WarmMs, true);
            tell(kind, "is warm");
            Report(kind, await callAsync(2 * MeasureMs, "MeasureLiveAsync", frames, MeasureMs, true));
            const session = await page.createCDPSession();
            await session.send("HeapProfiler.enable");
            await session.send("HeapProfiler.collectGarbage");
            await session.send("HeapProfiler.startSampling", {
                samplingInterval: 32,
                includeObjectsCollectedByMajorGC: true,
                includeObjectsCollectedByMinorGC: true,
            });
            const plain = await callAsync(2 * MeasureMs, "MeasureLiveAsync", frames, MeasureMs, false);
            const { profile } = await session.send("HeapProfiler.stopSampling");
            ReportAllocations(kind, AllocatedBy(profile, script), plain);
            if (pictureFile && kind !== "undrawn") {
                const look = await callAsync(OpenMs, "LookLiveAsync", [1, 4, 7, 10]);
                writeFileSync(pictureFile, Buffer.from(look.slice(look.indexOf(",") + 1), "base64"));
            }
            const notices = await callAsync(OpenMs, "CloseLive");
            [...notices, ...consoleErrors].forEach((text) => tell(kind, `said: ${text}`));
        });
    }
}

function Report(kind, { frames, runs, drawnFrames, seconds, longTasks }) {
    const row = (name, values) =>
        console.log(`| ${name} | ${[0.5, 0.95, 1].map((share) => quantile(values, share).toFixed(1)).join(" | ")} |`);
    console.log(
        `\n${kind}: ${frames.length} followed frames in ${seconds.toFixed(1)} s, ` +
            `${(drawnFrames / seconds).toFixed(1)} drawn per second, ${longTasks.length} tasks over 50 ms` +
            `${longTasks.length > 0 ? `, the longest ${Math.max(...longTasks).toFixed(0)} ms` : ""}\n`,
    );
    console.log("| milliseconds | median | 95 % | worst |\n|---|---|---|---|");
    Parts.forEach((part, i) =>
        row(
            part,
            frames.map((frame) => frame[i]),
        ),
    );
    const sum = (values) => values.reduce((total, value) => total + value, 0);
    row(
        "**all but drawing**",
        frames.map((frame) => sum(frame.slice(0, -1))),
    );
    row("**all**", frames.map(sum));
    if (runs.length > 0) {
        DriverParts.forEach((part, i) =>
            row(
                part,
                runs.map((run) => run[i]),
            ),
        );
        console.log(`\n${(runs.length / seconds).toFixed(1)} runs of the driver per second`);
    }
}

function ReportAllocations(kind, rows, { followed, drawnFrames, seconds, longTasks }) {
    console.log(
        `\n${kind}: allocated on the page's thread, bytes per followed frame of ${followed} (${drawnFrames} drawn, ` +
            `${seconds.toFixed(1)} s, ${longTasks.length} tasks over 50 ms)\n`,
    );
    console.log("| whose | where | bytes |\n|---|---|---|");
    for (const { owner, name, bytes } of rows) {
        console.log(`| ${owner} | ${name} | ${(bytes / followed).toFixed(1)} |`);
    }
}
