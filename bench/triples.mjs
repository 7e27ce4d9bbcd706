// Frames with and without something, in turns, on an adapter whose load drifts.
import { GpuTimeMs } from "./cpuTime.mjs";

const FramesPerSample = 4;

/**
 * Time of the GPU process in triples of samples, each of another camera: without, with, and without again, so that what
 * drifts falls out of the ratio. The two without it, over each other, tell how much of a ratio is noise.
 * @param pid of the browser
 * @param frameAsync draws one frame: with or without it, the camera turned by so many radians
 * @param rounds triples that count, after one that does not
 * @param summarize of numbers: median and spread
 */
export async function TriplesAsync(pid, frameAsync, { rounds, summarize }) {
    const sampleAsync = async (isWith, turn) => {
        await frameAsync(isWith, turn); // moved there
        const before = GpuTimeMs(pid);
        for (let frame = 1; frame <= FramesPerSample; frame++) {
            await frameAsync(isWith, turn + 0.002 * frame);
        }
        return (GpuTimeMs(pid) - before) / FramesPerSample;
    };
    const found = { without: [], with: [], ratio: [], control: [] };
    for (let round = -1; round < rounds; round++) {
        const turn = 0.3 * Math.sin(round);
        const triple = [];
        for (const isWith of [false, true, false]) {
            triple.push(await sampleAsync(isWith, turn));
        }
        const [first, middle, last] = triple;
        if (round >= 0) {
            found.without.push((first + last) / 2);
            found.with.push(middle);
            found.ratio.push((2 * middle) / (first + last));
            found.control.push(round % 2 === 0 ? last / first : first / last);
        }
    }
    return {
        withoutMs: summarize(found.without),
        withMs: summarize(found.with),
        ratio: summarize(found.ratio),
        control: summarize(found.control),
    };
}
