// Compares what was followed with the truth of films.

/** The tracks with most energy in the films, without those that only accompany smiles (squints, dimples). */
export const MainTracks = [
    "eyeBlinkLeft",
    "eyeBlinkRight",
    "eyeLookInLeft",
    "eyeLookInRight",
    "eyeLookOutLeft",
    "eyeLookOutRight",
    "jawOpen",
    "mouthFunnel",
    "mouthPucker",
    "mouthSmileLeft",
    "mouthSmileRight",
    "mouthUpperUpLeft",
    "mouthUpperUpRight",
    "mouthLowerDownLeft",
    "mouthLowerDownRight",
    "browInnerUp",
    "browDownLeft",
    "browDownRight",
    "browOuterUpLeft",
    "browOuterUpRight",
];
/** A track that does not rise above this in a film has no correlation there. */
const Active = 0.05;
/** Those of the library: CameraSource. */
const Smoothing = { minCutoff: 2.5, beta: 4 };

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
const quantile = (values, share) => [...values].sort((a, b) => a - b)[Math.floor(share * (values.length - 1))];

function correlation(a, b) {
    const [meanA, meanB] = [mean(a), mean(b)];
    let [ab, aa, bb] = [0, 0, 0];
    a.forEach((value, i) => {
        ab += (value - meanA) * (b[i] - meanB);
        aa += (value - meanA) ** 2;
        bb += (b[i] - meanB) ** 2;
    });
    return aa > 0 && bb > 0 ? ab / Math.sqrt(aa * bb) : 0;
}

/** Row-major rotation of a quaternion x, y, z, w. */
function rotationOf([x, y, z, w]) {
    return [
        1 - 2 * (y * y + z * z),
        2 * (x * y - z * w),
        2 * (x * z + y * w),
        2 * (x * y + z * w),
        1 - 2 * (x * x + z * z),
        2 * (y * z - x * w),
        2 * (x * z - y * w),
        2 * (y * z + x * w),
        1 - 2 * (x * x + y * y),
    ];
}

const fromRest = (rest, now) =>
    Array.from({ length: 9 }, (_, i) =>
        [0, 3, 6].reduce((sum, k) => sum + rest[k + Math.floor(i / 3)] * now[k + (i % 3)], 0),
    );

function degreesBetween(a, b) {
    const trace = a.reduce((sum, value, i) => sum + value * b[i], 0);
    return (Math.acos(Math.min(1, Math.max(-1, (trace - 1) / 2))) * 180) / Math.PI;
}

/** The One-Euro filter of the library on one track of 30 frames per second. */
function filtered(values) {
    const share = (cutoff) => 1 / (1 + 30 / (2 * Math.PI * cutoff));
    let [last, speed, out] = [values[0], 0, values[0]];
    return values.map((value) => {
        speed += share(1) * ((value - last) * 30 - speed);
        out += share(Smoothing.minCutoff + Smoothing.beta * Math.abs(speed)) * (value - out);
        last = value;
        return out;
    });
}

/** Frames by which the filter makes a track late: where both correlate best, by a parabola. */
function delayOf(smooth, raw) {
    const at = (shift) => correlation(smooth.slice(4 + shift, smooth.length - 4 + shift), raw.slice(4, -4));
    const values = [-3, -2, -1, 0, 1, 2, 3].map(at);
    const best = Math.min(5, Math.max(1, values.indexOf(Math.max(...values))));
    const [before, top, after] = values.slice(best - 1, best + 2);
    return best - 3 + (0.5 * (before - after)) / (before - 2 * top + after);
}

/** @param films what the page gave, with `name` and `truth` */
export function Report(films, all) {
    const [angles, tracks] = [[], new Map()];
    const times = { inference: [], fit: [] };
    let [lost, count] = [0, 0];
    for (const { truth, names, frames, inferenceMs, fitMs } of films) {
        const kept = frames.map((_, f) => f).filter((f) => f >= truth.restFrames && frames[f]);
        count += frames.length - truth.restFrames;
        lost += frames.length - truth.restFrames - kept.length;
        times.inference.push(...inferenceMs.slice(truth.restFrames));
        times.fit.push(...fitMs.slice(truth.restFrames));
        for (const f of kept) {
            angles.push(degreesBetween(rotationOf(frames[f]), fromRest(truth.rotation[0], truth.rotation[f])));
        }
        names.forEach((name, e) => {
            const track = tracks.get(name) ?? { found: [], smooth: [], true: [] };
            const found = kept.map((f) => frames[f][4 + e]);
            track.found.push(...found);
            track.smooth.push(...filtered(found));
            track.true.push(...kept.map((f) => truth.expression[f][truth.names.indexOf(name)]));
            tracks.set(name, track);
        });
    }
    const rows = [...tracks].map(([name, track]) => ({
        name,
        active: Math.max(...track.true) > Active,
        raw: correlation(track.found, track.true),
        smooth: correlation(track.smooth, track.true),
        delay: delayOf(track.smooth, track.found),
    }));
    const main = rows.filter(({ name, active }) => active && MainTracks.includes(name));
    const [least] = [...main].sort((a, b) => a.smooth - b.smooth);
    const lines = [
        `${films.map(({ name }) => name).join(", ")}: ${count} frames, ${lost} without a face`,
        `  head pose error: mean ${mean(angles).toFixed(2)}, median ${quantile(angles, 0.5).toFixed(2)}, 95 % ${quantile(angles, 0.95).toFixed(2)} degrees`,
        `  main tracks: mean correlation ${mean(main.map(({ smooth }) => smooth)).toFixed(3)} (unfiltered ${mean(main.map(({ raw }) => raw)).toFixed(3)}), least ${least.smooth.toFixed(3)} (${least.name}), ${main.filter(({ smooth }) => smooth >= 0.85).length} of ${main.length} at .85`,
        `  filter's delay: ${mean(main.map(({ delay }) => delay)).toFixed(2)} frames; inference ${quantile(times.inference, 0.5).toFixed(1)} ms, fit ${quantile(times.fit, 0.5).toFixed(1)} ms (medians)`,
    ];
    if (all) {
        lines.push("", "| track | correlation | unfiltered |", "|---|---|---|");
        for (const { name, active, smooth, raw } of rows.sort((a, b) => b.smooth - a.smooth)) {
            if (active) {
                lines.push(
                    `| ${MainTracks.includes(name) ? `**${name}**` : name} | ${smooth.toFixed(3)} | ${raw.toFixed(3)} |`,
                );
            }
        }
    }
    return lines.join("\n");
}
