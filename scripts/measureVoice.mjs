// How well the mouth fits speech whose phoneme times are known, as a table.
//   python -m training.voice.speak FOLDER    voices and words that were not learned from; needs espeak-ng and flite
//   node scripts/measureVoice.mjs FOLDER [--headaudio PACKAGE]
// PACKAGE is an unpacked @met4citizen/headaudio, measured with the same eyes.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";

const [folder, flag, otherPackage] = process.argv.slice(2);
if (!folder || (flag && flag !== "--headaudio")) {
    console.error("node scripts/measureVoice.mjs FOLDER [--headaudio PACKAGE]");
    process.exit(1);
}

const scratch = mkdtempSync(path.join(tmpdir(), "flex-voice-"));
const outfile = path.join(scratch, "measure.mjs");
await build({
    entryPoints: ["tests/support/speechReport.ts"],
    bundle: true,
    format: "esm",
    platform: "node",
    outfile,
    logLevel: "error",
});
const own = await import(pathToFileURL(outfile));
rmSync(scratch, { recursive: true });

const clips = JSON.parse(readFileSync(path.join(folder, "speech.json"), "utf8")).map((clip) => {
    const bytes = readFileSync(path.join(folder, clip.file));
    const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
    return { ...clip, ...own.ReadWave(file) };
});
/** Voices of flite, which come from recordings. */
const isRecorded = ({ voice }) => voice === "rms";

const weights = own.DecodeVisemeWeights();
const ways = {
    "whole sound known": (clip) => own.BakedMouth(clip, weights, own.SpeechShapes),
    "delayed by 80 ms": (clip) => own.LiveMouth(clip, weights, own.SpeechShapes, 6, 0.08),
    "live, nothing known": (clip) => own.LiveMouth(clip, weights, own.SpeechShapes),
};
if (otherPackage) {
    const headaudio = await headaudioMouths(otherPackage);
    ways["headaudio, its easing"] = (clip) => headaudio(clip, false, 0);
    ways["headaudio, our motion"] = (clip) => headaudio(clip, true, 0);
    ways["headaudio, our motion, delayed by 80 ms"] = (clip) => headaudio(clip, true, 0.08);
}

const percent = (part, whole) => `${((100 * part) / whole).toFixed(1)} %`;
const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];
const row = (cells) => console.log(`| ${cells.join(" | ")} |`);

for (const recorded of [false, true]) {
    const set = clips.filter((clip) => isRecorded(clip) === recorded);
    if (set.length === 0) {
        continue;
    }
    console.log(`\n${recorded ? "recorded voice (flite rms)" : "espeak-ng"}: ${set.length} sentences\n`);
    row([
        "way",
        "shut on m, b, p",
        "rounded on o, u, w",
        "teeth on f, v",
        "all",
        "onset median / worst",
        "early / late",
    ]);
    row(Array(7).fill("---"));
    for (const [name, make] of Object.entries(ways)) {
        const counts = own.NewCounts();
        const onsets = [];
        for (const clip of set) {
            own.CountSigns(make(clip), clip, counts);
            onsets.push(1000 * own.OnsetDelay(make(clip), clip));
        }
        const signs = Object.values(counts);
        const sum = (key) => signs.reduce((total, count) => total + count[key], 0);
        const off = onsets.map(Math.abs);
        row([
            name,
            ...signs.map(
                ({ asked, shown, others, falselyShown }) =>
                    `${percent(shown, asked)} of ${asked}, falsely ${percent(falselyShown, others)}`,
            ),
            percent(sum("shown"), sum("asked")),
            `${median(off).toFixed(0)} / ${Math.max(...off).toFixed(0)} ms`,
            `${Math.min(...onsets).toFixed(0)} / ${Math.max(...onsets).toFixed(0)} ms`,
        ]);
    }
}

console.log("\nten seconds of a room: share of the time with an open jaw, most of any expression\n");
row(["noise", ...["live, nothing known", "whole sound known"]]);
row(Array(3).fill("---"));
for (const db of [-Infinity, -70, -60, -50, -40, -30]) {
    for (const color of ["white", "brown"]) {
        const clip = { rate: 22050, samples: noise(db, color, 22050 * 10) };
        const open = [ways["live, nothing known"], ways["whole sound known"]].map((make) =>
            own.OpenShare(make(clip), 10),
        );
        row([`${color}, ${db} dB`, ...open.map(({ share, most }) => `${percent(share, 1)}, ${most.toFixed(3)}`)]);
    }
}

/** Repeatable noise. */
function noise(db, color, length) {
    let seed = 1;
    let slow = 0;
    return Float32Array.from({ length }, () => {
        seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
        const white = (seed / 2 ** 32 - 0.5) * Math.sqrt(12);
        slow = 0.97 * slow + 0.243 * white;
        return (color === "brown" ? slow : white) * 10 ** (db / 20);
    });
}

/** The other package as a mouth: its worklet's processor, and its way to fade visemes or ours. */
async function headaudioMouths(packageFolder) {
    const load = (name) => import(pathToFileURL(path.resolve(packageFolder, "modules", name)));
    const [{ Processor }, { Training }, sizes] = await Promise.all(
        ["processor.mjs", "training.mjs", "parameters.mjs"].map(load),
    );
    const bytes = readFileSync(path.join(packageFolder, "dist", "model-en-mixed.bin"));
    const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
    const training = new Training();
    const model = [];
    for (let at = 0; at + sizes.RECORD_OFFSET <= file.byteLength; at += sizes.RECORD_OFFSET) {
        model.push(training.decodeBinaryRecord(new Float32Array(file, at, sizes.RECORD_LEN)));
    }
    const names = ["aa", "E", "I", "O", "U", "PP", "SS", "TH", "DD", "FF", "kk", "nn", "RR", "CH", "sil"];
    const base = (t) => 1 / (1 + Math.exp(-5 * t)) - 0.5;
    const ease = (t) => (0.5 / base(1)) * base(2 * t - 1) + 0.5;
    return ({ samples, rate }, ourMotion, delayS) => {
        let active = -1;
        const port = {
            postMessage({ event, viseme }) {
                if (event === "ended") {
                    active = -1;
                } else if (event === "viseme" && viseme !== null) {
                    active = names[viseme] === "sil" ? -1 : viseme;
                }
            },
        };
        const processor = new Processor({ sampleRate: rate, processorOptions: {}, parameterData: {} }, { port });
        processor.classifier.import({ model });
        const frames = new own.VisemeFrames(4096);
        const motion = new own.MouthMotion(own.SpeechShapes);
        const shares = new Float32Array(own.VoiceVisemes.length);
        const alphas = names.map(() => 0);
        const result = new Float32Array(own.ArkitNames.length);
        let [taken, last] = [0, 0];
        return (timeS) => {
            while (taken < (timeS + delayS) * rate) {
                const block = new Float32Array(128);
                block.set(samples.subarray(taken, taken + 128));
                processor.process(block);
                taken += 128;
                while (frames.timeOf(frames.count) < taken / rate - delayS) {
                    shares.fill(0);
                    shares[own.VoiceVisemes.indexOf(active < 0 ? "sil" : names[active])] = 1;
                    frames.push(shares, 0.8);
                }
            }
            if (ourMotion) {
                motion.move(frames, timeS);
                return motion.weights;
            }
            const step = (timeS - last) * 10;
            last = timeS;
            result.fill(0);
            names.forEach((name, index) => {
                alphas[index] = Math.min(1, Math.max(0, alphas[index] + (index === active ? step : -step)));
                for (const [key, weight] of Object.entries(own.SpeechShapes[name])) {
                    result[own.ArkitNames.indexOf(key)] += ease(alphas[index]) * weight;
                }
            });
            return result;
        };
    };
}
