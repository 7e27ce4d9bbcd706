// `npm run fuzz -- [files per reader] [part of a reader's name]`: spoils sound files and reads them. Fails on anything
// but a value or a FlexAvatarError, on a file that takes more than two seconds, and on 512 MB for one file. Numbers name
// files: the same number is the same file.
import { Worker } from "node:worker_threads";
import { loadReadersAsync } from "./readers.mjs";

const HangMs = 2000;
const MostBytes = 512e6;
/** The file that is read now, how many were read and refused, longest milliseconds, largest kilobytes. */
const ProgressLength = 5;

/**
 * @param count files for each reader
 * @returns for each reader: how many were read and refused, the longest time, the largest allocation, and the faults
 */
export async function fuzzAsync(count, part = "") {
    const { readers } = await loadReadersAsync();
    const reports = {};
    for (const name of Object.keys(readers).filter((one) => one.includes(part))) {
        reports[name] = await fuzzReaderAsync(name, count);
    }
    return reports;
}

async function fuzzReaderAsync(name, count) {
    const report = { read: 0, refused: 0, longestMs: 0, largestBytes: 0, faults: [] };
    for (let from = 0, slowBefore = -1; from < count;) {
        const part = await readFilesAsync(name, from, count);
        report.read += part.read;
        report.refused += part.refused;
        report.longestMs = Math.max(report.longestMs, part.longestMs);
        report.largestBytes = Math.max(report.largestBytes, part.largestBytes);
        report.faults.push(...part.faults);
        const { stoppedAt, error } = part;
        if (stoppedAt < 0) {
            break;
        }
        // A busy machine may leave a process alone for seconds: only what is slow twice is slow.
        if (error || stoppedAt === slowBefore) {
            report.faults.push(`${name} ${stoppedAt}: ${error ?? `more than ${HangMs} ms`}`);
            from = stoppedAt + 1;
        } else {
            from = slowBefore = stoppedAt;
        }
    }
    if (report.largestBytes > MostBytes) {
        report.faults.push(`${name}: one file took ${(report.largestBytes / 1e6).toFixed(0)} MB`);
    }
    return report;
}

/** Reads files in a worker until the end, or until it crashes or takes too long at one: `stoppedAt`, else −1. */
async function readFilesAsync(name, from, to) {
    const progress = new Int32Array(new SharedArrayBuffer(4 * ProgressLength)).fill(-1, 0, 1);
    const url = new URL("./worker.mjs", import.meta.url);
    const worker = new Worker(url, { workerData: { name, from, to, progress } });
    const faults = [];
    let watch;
    const end = await new Promise((resolve, reject) => {
        let [last, since] = [-1, performance.now()];
        watch = setInterval(() => {
            const at = Atomics.load(progress, 0);
            if (at !== last) {
                [last, since] = [at, performance.now()];
            } else if (at >= 0 && performance.now() - since > HangMs) {
                resolve({ stoppedAt: at });
            }
        }, 100);
        worker.on("message", (fault) => (fault === null ? resolve({ stoppedAt: -1 }) : faults.push(fault)));
        worker.once("error", reject);
        worker.once("exit", (code) => reject(new Error(`the worker ended with ${code}`)));
    }).catch((error) => ({ stoppedAt: Math.max(from, progress[0]), error }));
    clearInterval(watch);
    await worker.terminate();
    const [, read, refused, longestMs, largestKb] = progress;
    return { ...end, faults, read, refused, longestMs, largestBytes: 1024 * largestKb };
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
    const [count = "20000", part = ""] = process.argv.slice(2);
    const reports = await fuzzAsync(Number(count), part);
    for (const [name, { read, refused, longestMs, largestBytes, faults }] of Object.entries(reports)) {
        console.log(
            `${name}: ${read} read, ${refused} refused, longest ${longestMs.toFixed(0)} ms, ` +
                `largest ${(largestBytes / 1e6).toFixed(1)} MB, ${faults.length} faults`,
        );
        faults.forEach((fault) => console.log(`    ${fault}`));
    }
    process.exitCode = Object.values(reports).some(({ faults }) => faults.length > 0) ? 1 : 0;
}
