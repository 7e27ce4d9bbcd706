// `npm run fuzz -- [files per reader] [part of a reader's name]`: spoils sound files and reads them. Fails on anything
// but a value or a FlexAvatarError, on a file that takes more than two seconds, and on 512 MB for one file. Numbers name
// files: the same number is the same file.
import { Worker } from "node:worker_threads";
import { loadReadersAsync } from "./readers.mjs";

const HangMs = 2000;
const MostBytes = 512e6;

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
    for (let from = 0; from < count;) {
        const progress = new SharedArrayBuffer(4);
        const now = new Int32Array(progress);
        now[0] = -1;
        const url = new URL("./worker.mjs", import.meta.url);
        const worker = new Worker(url, { workerData: { name, from, to: count, progress } });
        const part = await new Promise((resolve, reject) => {
            let [last, since] = [-1, performance.now()];
            const watch = setInterval(() => {
                const at = Atomics.load(now, 0);
                if (at !== last) {
                    [last, since] = [at, performance.now()];
                } else if (at >= 0 && performance.now() - since > HangMs) {
                    resolve({ hangsAt: at });
                }
            }, 100);
            worker.once("message", resolve);
            worker.once("error", reject);
            worker.once("exit", (code) => reject(new Error(`${name} ended with ${code} at file ${now[0]}`)));
            worker.once("message", () => clearInterval(watch));
            worker.once("error", () => clearInterval(watch));
        }).catch((error) => ({ crashedAt: now[0], error }));
        await worker.terminate();
        if (part.hangsAt !== undefined || part.error) {
            const at = part.hangsAt ?? part.crashedAt;
            report.faults.push(part.error ? `${name} ${at}: ${part.error}` : `${name} ${at}: more than ${HangMs} ms`);
            from = Math.max(at, from) + 1;
            continue;
        }
        report.read += part.read;
        report.refused += part.refused;
        report.longestMs = Math.max(report.longestMs, part.longestMs);
        report.largestBytes = Math.max(report.largestBytes, part.largestBytes);
        report.faults.push(...part.faults);
        from = count;
    }
    if (report.largestBytes > MostBytes) {
        report.faults.push(`${name}: one file took ${(report.largestBytes / 1e6).toFixed(0)} MB`);
    }
    return report;
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
