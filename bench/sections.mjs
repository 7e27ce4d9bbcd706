// The parts of the bench. Each opens the page as often as it needs, calls into it, and returns plain data for the
// results file.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { CpuTimeMs } from "./cpuTime.mjs";
import { PersonAsync } from "./person.mjs";
import { RefineAsync } from "./refine.mjs";
import { VisitAsync } from "./visit.mjs";
import { RunWebpackAsync } from "./webpack.config.mjs";

/** Median and spread (the middle half) of some numbers. */
function Summarize(values) {
    const sorted = [...values].sort((a, b) => a - b);
    const last = sorted.length - 1;
    const round = (value) => (value === undefined ? undefined : Number(value.toPrecision(4)));
    return {
        median: round(sorted[Math.round(0.5 * last)]),
        from: round(sorted[Math.floor(0.25 * last)]),
        to: round(sorted[Math.ceil(0.75 * last)]),
        count: sorted.length,
    };
}

export const Sections = {
    frames: FramesAsync,
    passes: PassesAsync,
    sorts: SortsAsync,
    scaling: ScalingAsync,
    page: PageAsync,
    person: RealPeopleAsync,
    networks: NetworksAsync,
    bundle: BundleAsync,
    visit: FirstVisitAsync,
    refine: RefinementAsync,
};

/** The paper's map of 400 × 400 texels. */
const PaperCount = 141_445;

/** Whole frames of all contenders, interleaved. */
async function FramesAsync({ openAsync, rounds, contenders: wanted, picturesFolder }) {
    const all = await (await openAsync()).call("contenders");
    const chosen = all.filter(({ name }) => wanted.length === 0 || wanted.some((part) => name.includes(part)));
    const rows = [];
    for (const info of chosen) {
        const { call, pid } = await openAsync();
        try {
            const { version } = await call("createAsync", info.name);
            const { jpeg, psnr } = await call("pictureAsync", info.name);
            writeFileSync(
                path.join(picturesFolder, `${FileName(info.name)}.jpg`),
                Buffer.from(jpeg.split(",")[1], "base64"),
            );
            rows.push({ ...info, version, psnr: Number(psnr.toFixed(2)), call, pid, ms: [], cpuMs: [] });
            console.log(`    ${info.name} ${version}: ${psnr.toFixed(2)} dB`);
        } catch (error) {
            rows.push({ ...info, failed: String(error.message ?? error).split("\n")[0] });
            console.log(`    ${info.name} failed: ${error.message}`);
        }
    }
    writeFileSync(
        path.join(picturesFolder, "reference.jpg"),
        Buffer.from((await rows[0].call("referencePictureAsync")).split(",")[1], "base64"),
    );
    for (let round = 0; round < rounds; round++) {
        for (const row of rows.filter(({ failed }) => !failed)) {
            const { ms, cpuMs } = await TimeAsync(row.pid, () => row.call("frameAsync", row.name, round));
            row.ms.push(ms);
            row.cpuMs.push(cpuMs);
        }
        console.log(
            `    round ${round + 1}: ${rows.map((row) => `${row.name} ${row.ms?.at(-1)?.toFixed(0)} (${row.cpuMs?.at(-1)})`).join(", ")}`,
        );
    }
    for (const row of rows) {
        if (!row.failed) {
            row.ms = Summarize(row.ms);
            row.cpuMs = Summarize(row.cpuMs);
            delete row.call;
            delete row.pid;
        }
    }
    return { gaussians: 141_445, sizePx: 512, rounds, contenders: rows };
}

/** Ours pass by pass, with either sort. */
async function PassesAsync({ openAsync, rounds }) {
    const { call } = await openAsync();
    const reports = [];
    for (const sort of ["counting", "radix"]) {
        const report = await call("passesAsync", PaperCount, rounds, sort);
        const moved = report.bytes.reduce((sum, row) => sum + row.readBytes + row.writtenBytes, 0);
        const floor = report.bytes.reduce((sum, row) => sum + row.floorBytes, 0);
        report.passes = report.passes.map((pass) => ({
            ...pass,
            ms: pass.ms.length > 0 ? Summarize(pass.ms) : undefined,
        }));
        reports.push({
            ...report,
            movedBytes: moved,
            floorBytes: floor,
            movedOverFloor: Number((moved / floor).toFixed(2)),
        });
        console.log(
            `    ${sort}: ${report.dispatches} dispatches, ${(moved / 1e6).toFixed(1)} MB, ${(moved / floor).toFixed(2)} of the floor`,
        );
    }
    return { reports };
}

/** Sorts alone, interleaved. */
async function SortsAsync({ openAsync, rounds }) {
    const { call, pid } = await openAsync();
    const times = 5; // in one submit, because processor time comes in steps of 10 ms
    const contenders = await call("createSortsAsync", PaperCount);
    const rows = contenders.map((contender) => ({ ...contender, ms: [], cpuMs: [] }));
    for (let round = 0; round < rounds; round++) {
        for (let i = 0; i < rows.length; i++) {
            const { ms, cpuMs } = await TimeAsync(pid, () => call("sortAsync", i, times));
            rows[i].ms.push(ms / times);
            rows[i].cpuMs.push(cpuMs / times);
        }
        console.log(
            `    round ${round + 1}: ${rows.map(({ name, ms, cpuMs }) => `${name} ${ms.at(-1).toFixed(1)} (${cpuMs.at(-1)})`).join(", ")}`,
        );
    }
    return {
        keys: PaperCount,
        rows: rows.map((row) => ({ ...row, ms: Summarize(row.ms), cpuMs: Summarize(row.cpuMs) })),
    };
}

/** Ours by Gaussians, and by avatars. */
async function ScalingAsync({ openAsync, rounds }) {
    const { call, pid } = await openAsync();
    const gaussians = [];
    for (const count of [10_000, 50_000, PaperCount, 500_000, 1_000_000, 2_000_000]) {
        await call("createScaledAsync", count);
        const samples = [];
        for (let round = 0; round < (count > PaperCount ? Math.min(rounds, 2) : rounds); round++) {
            samples.push(await TimeAsync(pid, () => call("frameAsync", "scaled", round)));
        }
        gaussians.push({ count, ...SummarizeSamples(samples) });
        console.log(`    ${count} Gaussians: ${samples.map(({ cpuMs }) => cpuMs)} ms of processor time`);
    }
    await call("dispose", "scaled");
    const each = 20_000;
    const avatars = [];
    await call("createCrowdAsync", each, 16);
    for (const count of [1, 2, 4, 8, 16]) {
        const size = await call("crowdSizeAsync", count);
        const samples = [];
        for (let round = 0; round < rounds; round++) {
            samples.push(await TimeAsync(pid, () => call("crowdFrameAsync", round)));
        }
        avatars.push({ count, gaussiansEach: each, ...size, ...SummarizeSamples(samples) });
        console.log(
            `    ${count} avatars: ${size.dispatches} dispatches, ${samples.map(({ cpuMs }) => cpuMs)} ms of processor time`,
        );
    }
    return { gaussians, avatars };
}

/** A person with hair beyond the scalp and a bust, against the same one without, by turns: the ratio of each pair. */
async function PageAsync({ openAsync, rounds }) {
    const { call, pid } = await openAsync();
    const [head, page] = [65_294, 40_000]; // the head of nano-128, and long hair with a bust
    await call("createSecondPageAsync", head, page);
    const [without, withPage] = [[], []];
    for (let round = 0; round < rounds; round++) {
        without.push(await TimeAsync(pid, () => call("secondPageFrameAsync", round, false)));
        withPage.push(await TimeAsync(pid, () => call("secondPageFrameAsync", round, true)));
    }
    const timeOf = ({ cpuMs, ms }) => cpuMs ?? ms;
    const ratio = Summarize(withPage.map((sample, i) => timeOf(sample) / timeOf(without[i])));
    console.log(
        `    with ${page} Gaussians of a second page: ${ratio.median} times a frame of ${head} (${ratio.from} to ${ratio.to})`,
    );
    return { head, page, without: SummarizeSamples(without), withPage: SummarizeSamples(withPage), ratio };
}

/** The same of saved people, drawn by the plugin. */
async function RealPeopleAsync({ rounds, option }) {
    const files = option("avatars", "").split(",").filter(Boolean);
    return await PersonAsync({ files, rounds: 2 * rounds, summarize: Summarize });
}

/** Photos to an avatar, and the driver. */
async function NetworksAsync({ openAsync, rounds }) {
    const { call, pid } = await openAsync();
    const { names, flops, model } = await call("createDriversAsync");
    const drivers = names.map((name) => ({ name, samples: [] }));
    for (let round = 0; round < rounds; round++) {
        for (let i = 0; i < drivers.length; i++) {
            drivers[i].samples.push(await TimeAsync(pid, () => call("driverAsync", i)));
        }
    }
    const rows = drivers.map(({ name, samples }) => {
        const summary = SummarizeSamples(samples);
        return { name, ...summary, gflopPerSecond: Number((flops / 1e6 / summary.ms.median).toPrecision(3)) };
    });
    rows.forEach((row) => console.log(`    driver in ${row.name}: ${row.ms.median} ms, ${row.gflopPerSecond} GFLOP/s`));
    const reconstruction = (await call("reconstructionAsync", 4, rounds)).map((row) => ({
        photos: row.photos,
        encodeMs: Summarize(row.encodeMs),
        reconstructMs: Summarize(row.reconstructMs),
    }));
    reconstruction.forEach((row) =>
        console.log(
            `    ${row.photos} photos: encode ${row.encodeMs.median} ms, reconstruct ${row.reconstructMs.median} ms`,
        ),
    );
    return { model, driverFlops: flops, driver: rows, reconstruction };
}

/**
 * What a page downloads of us, minified and gzipped: the library, and apart from it the files that load when they are
 * used. Babylon, ONNX Runtime and the models are not in it.
 */
async function BundleAsync() {
    const config = (await import("../webpack.config.js")).default.find(({ name }) => name === "standalone");
    const folder = mkdtempSync(path.join(os.tmpdir(), "bundle-"));
    try {
        await RunWebpackAsync({
            ...config,
            mode: "production",
            devtool: false,
            output: { ...config.output, path: folder },
        });
        const files = readdirSync(folder, { recursive: true }).filter((file) => /\.m?js$/.test(file));
        const sizes = files.map((file) => {
            const content = readFileSync(path.join(folder, file));
            return { file, bytes: content.length, gzipBytes: gzipSync(content, { level: 9 }).length };
        });
        const { gzipBytes } = sizes.find(({ file }) => file === "flexavatar.js");
        console.log(`    ${(gzipBytes / 1000).toFixed(1)} kB gzip, and ${sizes.length - 1} files on demand`);
        return { gzipBytes, targetBytes: 300_000, files: sizes };
    } finally {
        rmSync(folder, { recursive: true, force: true });
    }
}

/** What a first visit loads. Counts only: times are in the other sections. */
async function FirstVisitAsync({ option }) {
    return await VisitAsync({ only: option("visits", "") });
}

/** Refinement of the bundled portrait. */
async function RefinementAsync({ rounds }) {
    return await RefineAsync({ rounds: 2 * rounds, summarize: Summarize });
}

/** Wall time as the page measured it, and processor time of the whole browser meanwhile. */
async function TimeAsync(pid, work) {
    const before = CpuTimeMs(pid);
    const ms = await work();
    return { ms, cpuMs: before === undefined ? undefined : CpuTimeMs(pid) - before };
}

function SummarizeSamples(samples) {
    return { ms: Summarize(samples.map(({ ms }) => ms)), cpuMs: Summarize(samples.map(({ cpuMs }) => cpuMs)) };
}

/** A contender's name as a file's. */
export function FileName(name) {
    return name
        .replace(/[^a-z0-9]+/gi, "-")
        .replace(/^-|-$/g, "")
        .toLowerCase();
}
