// Writes samples/assets/phrase.glb: a spoken phrase, blinks, glances, a smile, a head turn and a nod as one glTF
// animation.
//
//   node scripts/makeClip.mjs [file]
//
// The clip is data of our own: "Hello! What a lovely day. Nice to meet you." written as phonemes, turned into ARKit
// blend shape weights with dominance functions (each phoneme pulls the mouth towards its shape, stronger near its own
// moment, so neighbours blend as they do in speech). It drives 52 morph targets of a row of bars, so any glTF viewer
// shows it as a mixer desk, and a node called `head`. No randomness: the same program writes the same bytes.
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const FRAME_RATE = 30;
const DURATION_S = 8;

const SIDED = [
    "browDown",
    "browOuterUp",
    "cheekSquint",
    "eyeBlink",
    "eyeLookDown",
    "eyeLookIn",
    "eyeLookOut",
    "eyeLookUp",
    "eyeSquint",
    "eyeWide",
];
const SIDED_MOUTH = [
    "mouthDimple",
    "mouthFrown",
    "mouthLowerDown",
    "mouthPress",
    "mouthSmile",
    "mouthStretch",
    "mouthUpperUp",
    "noseSneer",
];
const SINGLE = [
    "browInnerUp",
    "cheekPuff",
    "jawForward",
    "jawLeft",
    "jawOpen",
    "jawRight",
    "mouthClose",
    "mouthFunnel",
    "mouthLeft",
    "mouthPucker",
    "mouthRight",
    "mouthRollLower",
    "mouthRollUpper",
    "mouthShrugLower",
    "mouthShrugUpper",
    "tongueOut",
];

/** The 52 ARKit blend shape names, sorted. */
export const TARGET_NAMES = [
    ...SINGLE,
    ...[...SIDED, ...SIDED_MOUTH].flatMap((name) => [`${name}Left`, `${name}Right`]),
].sort();

/**
 * Mouth shapes. `pull` is how strongly the phoneme insists on its shape: lips must meet for "m", while "h" takes any
 * shape.
 */
const PHONEMES = {
    rest: { pull: 0.6, shape: {} },
    h: { pull: 0.4, shape: { jawOpen: 0.22 } },
    uh: { pull: 1.0, shape: { jawOpen: 0.46, mouthLowerDown: 0.28, mouthUpperUp: 0.12 } },
    ah: { pull: 1.3, shape: { jawOpen: 0.72, mouthLowerDown: 0.35, mouthUpperUp: 0.2, mouthStretch: 0.14 } },
    l: { pull: 0.8, shape: { jawOpen: 0.26, mouthLowerDown: 0.22, mouthUpperUp: 0.12, tongueOut: 0.06 } },
    oh: { pull: 1.2, shape: { jawOpen: 0.42, mouthFunnel: 0.62, mouthPucker: 0.28 } },
    oo: { pull: 1.4, shape: { jawOpen: 0.16, mouthFunnel: 0.36, mouthPucker: 0.85 } },
    w: { pull: 1.4, shape: { jawOpen: 0.1, mouthFunnel: 0.25, mouthPucker: 0.92 } },
    t: {
        pull: 0.7,
        shape: { jawOpen: 0.12, mouthStretch: 0.22, mouthUpperUp: 0.14, mouthLowerDown: 0.24, mouthShrugLower: 0.08 },
    },
    d: { pull: 0.7, shape: { jawOpen: 0.16, mouthStretch: 0.18, mouthUpperUp: 0.16, mouthLowerDown: 0.24 } },
    n: { pull: 0.7, shape: { jawOpen: 0.14, mouthStretch: 0.16, mouthUpperUp: 0.1, mouthLowerDown: 0.18 } },
    s: {
        pull: 1.1,
        shape: { jawOpen: 0.05, mouthStretch: 0.34, mouthUpperUp: 0.22, mouthLowerDown: 0.36, mouthDimple: 0.12 },
    },
    v: { pull: 1.8, shape: { jawOpen: 0.1, mouthRollLower: 0.62, mouthUpperUp: 0.3 } },
    m: {
        pull: 2.4,
        shape: { jawOpen: 0.04, mouthClose: 0.05, mouthPress: 0.48, mouthRollLower: 0.24, mouthRollUpper: 0.2 },
    },
    ee: {
        pull: 1.1,
        shape: { jawOpen: 0.14, mouthStretch: 0.4, mouthSmile: 0.32, mouthLowerDown: 0.26, mouthUpperUp: 0.16 },
    },
    eh: { pull: 1.0, shape: { jawOpen: 0.4, mouthStretch: 0.32, mouthLowerDown: 0.3, mouthUpperUp: 0.2 } },
    y: { pull: 0.7, shape: { jawOpen: 0.12, mouthStretch: 0.2, mouthPucker: 0.15 } },
};

/** The phrase: start in seconds, then phonemes with their length in milliseconds. */
const PHRASE = [
    { startS: 0.55, sounds: "h:70 eh:120 l:90 oh:300 rest:140" },
    { startS: 1.7, sounds: "w:120 uh:120 t:70 uh:80 l:90 ah:190 v:110 l:80 ee:110 d:80 eh:170 ee:150 rest:160" },
    { startS: 4.1, sounds: "n:90 ah:230 ee:90 s:130 t:70 oo:110 m:130 ee:200 t:80 y:80 oo:330 rest:200" },
];

/** Blinks: the moment the lids meet, seconds. Lids close in about 90 ms and open in about 200 ms. */
const BLINKS_S = [0.4, 1.62, 3.5, 5.95, 7.5];

/** Glances: from this second on the eyes rest here. x to the head's left, y up, both −1..1. */
const GAZE = [
    { startS: 0, x: 0, y: 0 },
    { startS: 1.55, x: 0.35, y: 0.3 },
    { startS: 2.2, x: 0, y: 0 },
    { startS: 3.1, x: -0.45, y: -0.1 },
    { startS: 3.95, x: 0, y: 0 },
    { startS: 5.05, x: 0.12, y: -0.3 },
    { startS: 5.6, x: 0, y: 0 },
];

/** Slow movements: rise, hold and fall of a weight, seconds. */
const ACCENTS = [
    { target: "browInnerUp", startS: 0.5, peakS: 0.85, endS: 1.5, weight: 0.55 },
    { target: "browOuterUp", startS: 0.5, peakS: 0.9, endS: 1.5, weight: 0.4 },
    { target: "eyeWide", startS: 0.55, peakS: 0.85, endS: 1.4, weight: 0.25 },
    { target: "browInnerUp", startS: 2.0, peakS: 2.35, endS: 3.2, weight: 0.9 },
    { target: "browOuterUp", startS: 2.0, peakS: 2.35, endS: 3.2, weight: 0.8 },
    { target: "eyeWide", startS: 2.0, peakS: 2.35, endS: 3.0, weight: 0.4 },
    { target: "browDown", startS: 4.05, peakS: 4.35, endS: 4.9, weight: 0.35 },
    { target: "mouthSmile", startS: 0.9, peakS: 1.3, endS: 2.0, weight: 0.3 },
    { target: "mouthSmile", startS: 5.5, peakS: 6.4, endS: 7.9, weight: 0.9 },
    { target: "cheekSquint", startS: 5.6, peakS: 6.45, endS: 7.8, weight: 0.65 },
    { target: "eyeSquint", startS: 5.6, peakS: 6.45, endS: 7.8, weight: 0.35 },
    { target: "mouthDimple", startS: 5.6, peakS: 6.4, endS: 7.8, weight: 0.25 },
    { target: "mouthUpperUp", startS: 5.7, peakS: 6.45, endS: 7.7, weight: 0.22 },
    { target: "jawOpen", startS: 5.8, peakS: 6.45, endS: 7.6, weight: 0.1 },
    { target: "noseSneer", startS: 5.7, peakS: 6.4, endS: 7.6, weight: 0.12 },
];

/** Head rotation keys in degrees: yaw to the head's left, pitch down (a nod), roll to its left shoulder. */
const HEAD_KEYS = [
    { timeS: 0, yaw: 0, pitch: 0, roll: 0 },
    { timeS: 0.5, yaw: 0, pitch: -2, roll: 0 },
    { timeS: 0.95, yaw: 2, pitch: 3, roll: 1 },
    { timeS: 1.6, yaw: 8, pitch: -1, roll: 0 },
    { timeS: 2.5, yaw: 24, pitch: -3, roll: 3 },
    { timeS: 3.2, yaw: 4, pitch: 1, roll: 0 },
    { timeS: 3.8, yaw: -22, pitch: 0, roll: -2 },
    { timeS: 4.5, yaw: -6, pitch: -2, roll: -1 },
    { timeS: 5.0, yaw: 0, pitch: 0, roll: 0 },
    { timeS: 5.3, yaw: 0, pitch: 12, roll: 0 },
    { timeS: 5.75, yaw: 0, pitch: -3, roll: 1 },
    { timeS: 6.5, yaw: -3, pitch: 0, roll: -5 },
    { timeS: 7.5, yaw: 0, pitch: 0, roll: 0 },
    { timeS: 8, yaw: 0, pitch: 0, roll: 0 },
];

const clamp01 = (value) => Math.min(1, Math.max(0, value));
const smooth = (value) => ((x) => x * x * x * (x * (6 * x - 15) + 10))(clamp01(value));

/** Phonemes of the phrase as `{ name, startS, endS }`, with rests between the parts. */
function layOutPhonemes() {
    const sounds = [];
    let timeS = 0;
    for (const part of PHRASE) {
        sounds.push({ name: "rest", startS: timeS, endS: part.startS });
        timeS = part.startS;
        for (const sound of part.sounds.split(" ")) {
            const [name, lengthMs] = sound.split(":");
            sounds.push({ name, startS: timeS, endS: timeS + Number(lengthMs) / 1000 });
            timeS += Number(lengthMs) / 1000;
        }
    }
    sounds.push({ name: "rest", startS: timeS, endS: DURATION_S });
    return sounds;
}

/** Adds `weight` to both sides of a sided target, or to the target itself. */
function add(weights, target, weight) {
    const names = TARGET_NAMES.includes(target) ? [target] : [`${target}Left`, `${target}Right`];
    for (const name of names) {
        weights[name] = (weights[name] ?? 0) + weight;
    }
}

/**
 * Mouth weights at a moment: dominance-weighted mean of the phonemes' shapes. A long sound keeps full strength over its
 * length.
 */
function addSpeech(weights, sounds, timeS) {
    let total = 0;
    const mix = {};
    for (const { name, startS, endS } of sounds) {
        const { pull, shape } = PHONEMES[name];
        const reach = name === "rest" ? 0.075 : 0.055;
        const inset = Math.min(0.04, (endS - startS) / 2);
        const outside = Math.max(startS + inset - timeS, timeS - (endS - inset), 0);
        const dominance = pull * Math.exp(-((outside / reach) ** 2));
        total += dominance;
        for (const [target, weight] of Object.entries(shape)) {
            mix[target] = (mix[target] ?? 0) + dominance * weight;
        }
    }
    for (const [target, weight] of Object.entries(mix)) {
        add(weights, target, weight / Math.max(total, 1e-6));
    }
}

function addBlinks(weights, timeS) {
    let closed = 0;
    for (const blinkS of BLINKS_S) {
        const delay = timeS - blinkS;
        closed = Math.max(closed, delay < 0 ? smooth(1 + delay / 0.1) : smooth(1 - (delay - 0.034) / 0.2));
    }
    add(weights, "eyeBlink", closed);
    if (closed > 0) {
        add(weights, "browDown", 0.08 * closed);
    }
    return closed;
}

function addGaze(weights, timeS, closed) {
    let { x, y } = GAZE[0];
    for (const { startS, x: nextX, y: nextY } of GAZE.slice(1)) {
        const blend = smooth((timeS - startS) / 0.1);
        x += (nextX - x) * blend;
        y += (nextY - y) * blend;
    }
    add(weights, "eyeLookOutLeft", Math.max(x, 0));
    add(weights, "eyeLookInRight", Math.max(x, 0));
    add(weights, "eyeLookInLeft", Math.max(-x, 0));
    add(weights, "eyeLookOutRight", Math.max(-x, 0));
    add(weights, "eyeLookUp", Math.max(y, 0));
    // Lids follow the eyes down, and the eyes dip a little in a blink.
    add(weights, "eyeLookDown", Math.max(-y, 0) + 0.15 * closed);
    add(weights, "eyeBlink", 0.35 * Math.max(-y, 0) * (1 - closed));
}

function addAccents(weights, timeS) {
    for (const { target, startS, peakS, endS, weight } of ACCENTS) {
        const middleS = peakS + 0.35 * (endS - peakS);
        const amount =
            timeS < middleS ? smooth((timeS - startS) / (peakS - startS)) : smooth((endS - timeS) / (endS - middleS));
        add(weights, target, weight * amount);
    }
    // A living face is never quite still or symmetric.
    const sway = smooth(timeS / 0.5) * smooth((DURATION_S - timeS) / 0.5);
    add(weights, "browInnerUp", sway * (0.04 + 0.03 * Math.sin(2.1 * timeS)));
    add(weights, "mouthSmileLeft", sway * 0.03 * (1 + Math.sin(1.3 * timeS)));
}

/** The 52 weights at a moment, 0..1. */
function weightsAt(sounds, timeS) {
    const weights = {};
    addSpeech(weights, sounds, timeS);
    const closed = addBlinks(weights, timeS);
    addGaze(weights, timeS, closed);
    addAccents(weights, timeS);
    // Values are rounded to 1/4096 so that the last bit of exp and sin never shows in the file.
    return TARGET_NAMES.map((name) => Math.round(clamp01(weights[name] ?? 0) * 4096) / 4096);
}

/**
 * Head rotation at a moment as a quaternion x, y, z, w in glTF axes (+y up, +z out of the face, +x the head's left).
 */
function headRotationAt(timeS) {
    const next = Math.max(
        1,
        HEAD_KEYS.findIndex((key) => key.timeS >= timeS),
    );
    const [a, b] = [HEAD_KEYS[next - 1], HEAD_KEYS[next]];
    const blend = smooth((timeS - a.timeS) / (b.timeS - a.timeS));
    const half = (name) => ((a[name] + (b[name] - a[name]) * blend) * Math.PI) / 360;
    const [sx, cx] = [Math.sin(half("pitch")), Math.cos(half("pitch"))];
    const [sy, cy] = [Math.sin(half("yaw")), Math.cos(half("yaw"))];
    const [sz, cz] = [Math.sin(-half("roll")), Math.cos(-half("roll"))];
    // yaw · pitch · roll
    return [
        cy * sx * cz + sy * cx * sz,
        sy * cx * cz - cy * sx * sz,
        cy * cx * sz - sy * sx * cz,
        cy * cx * cz + sy * sx * sz,
    ].map(Math.fround);
}

/** Collects typed arrays into one 4-byte aligned buffer with one buffer view each. */
class BufferBuilder {
    views = [];
    chunks = [];
    byteLength = 0;

    add(array, target) {
        const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
        const padded = new Uint8Array(Math.ceil(bytes.length / 4) * 4);
        padded.set(bytes);
        this.views.push({
            buffer: 0,
            byteOffset: this.byteLength,
            byteLength: bytes.length,
            ...(target ? { target } : {}),
        });
        this.chunks.push(padded);
        this.byteLength += padded.length;
        return this.views.length - 1;
    }
}

const BYTE = 5121;
const SHORT = 5123;
const FLOAT = 5126;

/** One bar per target in four rows; target i lifts the top edge of bar i. Sparse accessors keep 52 targets small. */
function buildBars(buffer, accessors) {
    const columns = 13;
    const positions = [];
    const indices = [];
    TARGET_NAMES.forEach((_, bar) => {
        const x = ((bar % columns) - (columns - 1) / 2) * 0.02;
        const y = (1.5 - Math.floor(bar / columns)) * 0.06;
        positions.push(x - 0.007, y, 0, x + 0.007, y, 0, x + 0.007, y + 0.002, 0, x - 0.007, y + 0.002, 0);
        indices.push(...[0, 1, 2, 0, 2, 3].map((corner) => bar * 4 + corner));
    });
    const count = positions.length / 3;
    const axis = (offset) => positions.filter((_, index) => index % 3 === offset).map(Math.fround);
    const bounds = [0, 1, 2].map((offset) => axis(offset));
    accessors.push({
        bufferView: buffer.add(new Float32Array(positions), 34962),
        componentType: FLOAT,
        count,
        type: "VEC3",
        min: bounds.map((values) => Math.min(...values)),
        max: bounds.map((values) => Math.max(...values)),
    });
    const position = accessors.length - 1;
    accessors.push({
        bufferView: buffer.add(new Float32Array(Array.from({ length: count }, () => [0, 0, 1]).flat()), 34962),
        componentType: FLOAT,
        count,
        type: "VEC3",
    });
    const normal = accessors.length - 1;
    accessors.push({
        bufferView: buffer.add(new Uint16Array(indices), 34963),
        componentType: SHORT,
        count: indices.length,
        type: "SCALAR",
    });
    const triangles = accessors.length - 1;

    const lift = Math.fround(0.045);
    const liftView = buffer.add(new Float32Array([0, lift, 0, 0, lift, 0]));
    const targets = TARGET_NAMES.map((_, bar) => {
        accessors.push({
            componentType: FLOAT,
            count,
            type: "VEC3",
            min: [0, 0, 0],
            max: [0, lift, 0],
            sparse: {
                count: 2,
                indices: { bufferView: buffer.add(new Uint8Array([bar * 4 + 2, bar * 4 + 3])), componentType: BYTE },
                values: { bufferView: liftView },
            },
        });
        return { POSITION: accessors.length - 1 };
    });
    return { attributes: { POSITION: position, NORMAL: normal }, indices: triangles, targets, material: 0 };
}

/** The whole clip as the bytes of a .glb file. */
export function makeClip() {
    const sounds = layOutPhonemes();
    const frameCount = DURATION_S * FRAME_RATE + 1;
    const times = Float32Array.from({ length: frameCount }, (_, frame) => frame / FRAME_RATE);
    const weights = Float32Array.from(Array.from(times, (_, frame) => weightsAt(sounds, frame / FRAME_RATE)).flat());
    const rotations = Float32Array.from(Array.from(times, (_, frame) => headRotationAt(frame / FRAME_RATE)).flat());

    const buffer = new BufferBuilder();
    const accessors = [];
    const primitive = buildBars(buffer, accessors);
    const addAccessor = (array, type, extra = {}) => {
        const size = { SCALAR: 1, VEC4: 4 }[type];
        accessors.push({
            bufferView: buffer.add(array),
            componentType: FLOAT,
            count: array.length / size,
            type,
            ...extra,
        });
        return accessors.length - 1;
    };
    const input = addAccessor(times, "SCALAR", { min: [0], max: [times[frameCount - 1]] });
    const gltf = {
        asset: {
            version: "2.0",
            generator: "FlexAvatar for Babylon.js, scripts/makeClip.mjs",
            copyright: "FlexAvatar for Babylon.js contributors, Apache-2.0",
        },
        scene: 0,
        scenes: [{ nodes: [0] }],
        nodes: [
            { name: "head", children: [1] },
            { name: "face", mesh: 0 },
        ],
        materials: [
            {
                name: "bars",
                doubleSided: true,
                pbrMetallicRoughness: { baseColorFactor: [0.25, 0.55, 0.85, 1], metallicFactor: 0 },
            },
        ],
        meshes: [
            {
                name: "face",
                primitives: [primitive],
                weights: TARGET_NAMES.map(() => 0),
                extras: { targetNames: TARGET_NAMES },
            },
        ],
        animations: [
            {
                name: "phrase",
                channels: [
                    { sampler: 0, target: { node: 1, path: "weights" } },
                    { sampler: 1, target: { node: 0, path: "rotation" } },
                ],
                samplers: [
                    { input, output: addAccessor(weights, "SCALAR"), interpolation: "LINEAR" },
                    { input, output: addAccessor(rotations, "VEC4"), interpolation: "LINEAR" },
                ],
            },
        ],
        accessors,
        bufferViews: buffer.views,
        buffers: [{ byteLength: buffer.byteLength }],
    };

    const json = Buffer.from(JSON.stringify(gltf));
    const jsonLength = Math.ceil(json.length / 4) * 4;
    const file = Buffer.alloc(12 + 8 + jsonLength + 8 + buffer.byteLength, 0x20);
    [0x46546c67, 2, file.length, jsonLength, 0x4e4f534a].forEach((word, index) => file.writeUInt32LE(word, index * 4));
    json.copy(file, 20);
    file.writeUInt32LE(buffer.byteLength, 20 + jsonLength);
    file.writeUInt32LE(0x004e4942, 24 + jsonLength);
    Buffer.concat(buffer.chunks).copy(file, 28 + jsonLength);
    return file;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
    const target =
        process.argv[2] ?? join(dirname(fileURLToPath(import.meta.url)), "..", "samples", "assets", "phrase.glb");
    mkdirSync(dirname(target), { recursive: true });
    const file = makeClip();
    writeFileSync(target, file);
    console.log(
        `${target}: ${file.length} bytes, ${DURATION_S} s at ${FRAME_RATE} frames per second, ${TARGET_NAMES.length} tracks`,
    );
}
