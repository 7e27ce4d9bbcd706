/** Heads for the tests: the shipped one, and a tiny one made here whose every number is known. */
import { ParseHeadModel, type HeadModel } from "../../src/flame/headModel";
import { ArkitNames } from "../../src/flame/expression";

/** A file of the repository. */
export async function LoadBytesAsync(path: string): Promise<ArrayBuffer> {
    const response = await fetch(`/repo/${path}`);
    if (!response.ok) {
        throw new Error(`${path}: ${response.status}`);
    }
    return response.arrayBuffer();
}

let shipped: Promise<HeadModel> | undefined;

/** The shipped head model, loaded once. */
export function OpenHeadAsync(): Promise<HeadModel> {
    shipped ??= LoadBytesAsync("assets/models/open-head.bin").then(ParseHeadModel);
    return shipped;
}

/**
 * The shipped head with all 478 landmarks mapped: those it does not map are spread at random over face, lids and lips,
 * irises over the fronts of the eyes. Tests of the fit use it, so that they measure the fit and not how well the
 * model's landmarks match MediaPipe's.
 */
export async function SpreadLandmarkHeadAsync(): Promise<HeadModel> {
    const model = await OpenHeadAsync();
    const random = RandomNumbers(478);
    const eyes = Array.from(model.faces).filter((_, i) => RegionOf(model, i).startsWith("eye"));
    const eyeFront = Math.max(...eyes.map((vertex) => model.template[3 * vertex + 2]));
    const facesIn = (...regions: string[]): number[] =>
        Array.from({ length: model.faceCount }, (_, face) => face).filter((face) => {
            const front = model.template[3 * model.faces[3 * face] + 2] > eyeFront - 0.004;
            return regions.includes(model.regions[model.faceRegion[face]]) && (front || regions[0] === "face");
        });
    const [skin, right, left] = [facesIn("face", "lids", "lips"), facesIn("eyeRight"), facesIn("eyeLeft")];
    const mediaPipeFace = model.mediaPipeFace.map((face, i) => {
        const faces = i < 468 ? skin : i < 473 ? right : left;
        return face >= 0 ? face : faces[Math.floor(((random() + 1) / 2) * faces.length)];
    });
    const mediaPipeBary = model.mediaPipeBary.map((bary, i) =>
        model.mediaPipeFace[Math.floor(i / 3)] >= 0 ? bary : 1 / 3,
    );
    return { ...model, mediaPipeFace, mediaPipeBary };
}

function RegionOf(model: HeadModel, corner: number): string {
    return model.regions[model.faceRegion[Math.floor(corner / 3)]];
}

/** Numbers in −1..1 that follow from the seed alone (mulberry32). */
export function RandomNumbers(seed: number): () => number {
    let state = seed >>> 0;
    return () => {
        state = (state + 0x6d2b79f5) >>> 0;
        let t = Math.imul(state ^ (state >>> 15), state | 1);
        t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
        return ((t ^ (t >>> 14)) >>> 0) / 2147483648 - 1;
    };
}

/** Header and arrays of a head model file before it is packed; tests spoil one thing and pack it. */
export interface HeadFileParts {
    json: Record<string, unknown>;
    arrays: Record<string, { dtype: string; shape: number[]; data: ArrayLike<number> }>;
}

const ArrayTypes: Record<string, new (data: ArrayLike<number>) => ArrayBufferView<ArrayBuffer>> = {
    f32: Float32Array,
    u8: Uint8Array,
    i8: Int8Array,
    u16: Uint16Array,
    i16: Int16Array,
    u32: Uint32Array,
    i32: Int32Array,
};

/**
 * A square of 10 cm in the plane z = 0 from two triangles, on the left half of the atlas, and a fifth vertex that no
 * face uses. Vertices: 0 (0,0) 1 (0.1,0) 2 (0.1,0.1) 3 (0,0.1). The first triangle is the face, the second the tongue.
 */
export function TinyHeadParts(): HeadFileParts {
    const part = (dtype: string, shape: number[], data: ArrayLike<number>) => ({ dtype, shape, data });
    const expressions = [...ArkitNames];
    const count = expressions.length;
    const jawOpen = expressions.indexOf("jawOpen");
    const starts = Array.from({ length: count + 1 }, (_, e) => (e > jawOpen ? 2 : 0));
    const pose = new Float32Array(15 * count);
    pose[15 * jawOpen + 6] = 0.5;
    return {
        json: {
            name: "tiny",
            license: "CC0-1.0",
            source: "tests",
            regions: ["face", "tongue"],
            dynamicRegions: ["face"],
            twoSidedRegions: ["tongue"],
            joints: ["global", "neck", "jaw", "eyeL", "eyeR"],
            parents: [-1, 0, 1, 1, 1],
            expressions,
            shapes: ["wide"],
            positionMap: { center: [0.05, 0.05, 0], scale: 0.1 },
        },
        arrays: {
            template: part("f32", [5, 3], [0, 0, 0, 0.1, 0, 0, 0.1, 0.1, 0, 0, 0.1, 0, 9, 9, 9]),
            faces: part("u16", [2, 3], [0, 1, 2, 0, 2, 3]),
            uvFaces: part("u16", [2, 3], [0, 1, 2, 0, 2, 3]),
            uv: part("f32", [4, 2], [0, 0, 0.5, 0, 0.5, 1, 0, 1]),
            faceRegion: part("u8", [2], [0, 1]),
            shapeDirs: part("i8", [1, 5, 3], [-100, 0, 0, 100, 0, 0, 100, 0, 0, -100, 0, 0, 0, 0, 0]),
            shapeScale: part("f32", [1], [1e-4]),
            expressionStart: part("u32", [count + 1], starts),
            expressionVertex: part("u16", [2], [0, 1]),
            expressionDelta: part("i16", [2, 3], [0, -1000, 0, 0, -1000, 200]),
            expressionScale: part("f32", [count], new Float32Array(count).fill(1e-5)),
            weights: part(
                "u8",
                [5, 5],
                [0, 0, 255, 0, 0, 0, 51, 204, 0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 0, 255, 0, 0, 0, 0],
            ),
            joints: part("f32", [5, 3], [0, -0.2, 0, 0, -0.1, 0, 0.05, 0.05, -0.05, 0.03, 0.08, 0, -0.03, 0.08, 0]),
            jointStart: part("u32", [6], [0, 0, 0, 2, 2, 2]),
            jointVertex: part("u16", [2], [1, 2]),
            jointWeight: part("f32", [2], [0.5, 0.5]),
            landmark68Face: part("u16", [68], new Array(68).fill(1)),
            landmark68Bary: part("f32", [68, 3], new Array(68).fill([1, 0, 0]).flat()),
            mediaPipeFace: part("i32", [478], new Array(478).fill(-1).fill(0, 0, 4)),
            mediaPipeBary: part("f32", [478, 3], new Array(478).fill([0, 0, 1]).flat()),
            poseFromExpression: part("f32", [count, 15], pose),
        },
    };
}

/** Packs a head model file as docs/formats.md says. */
export function PackHeadFile(parts: HeadFileParts): ArrayBuffer {
    const chunks: Uint8Array[] = [];
    const arrays: Record<string, unknown> = {};
    let offset = 0;
    for (const [name, { dtype, shape, data }] of Object.entries(parts.arrays)) {
        const view = new ArrayTypes[dtype](data);
        const chunk = new Uint8Array(4 * Math.ceil(view.byteLength / 4));
        chunk.set(new Uint8Array(view.buffer));
        arrays[name] = { dtype, shape, offset };
        chunks.push(chunk);
        offset += chunk.byteLength;
    }
    const json = new TextEncoder().encode(JSON.stringify({ ...parts.json, arrays }));
    const jsonBytes = 4 * Math.ceil(json.length / 4);
    const file = new Uint8Array(12 + jsonBytes + offset).fill(0x20, 12, 12 + jsonBytes);
    file.set(new Uint8Array(Uint32Array.of(0x4d484146, 1, jsonBytes).buffer));
    file.set(json, 12);
    let at = 12 + jsonBytes;
    for (const chunk of chunks) {
        file.set(chunk, at);
        at += chunk.byteLength;
    }
    return file.buffer;
}

/** The tiny head, parsed. */
export function TinyHead(): HeadModel {
    return ParseHeadModel(PackHeadFile(TinyHeadParts()));
}

/**
 * The largest difference between two lists of equal length, and where it is: compare `.difference` and print the rest.
 */
export function WorstDifference(
    actual: ArrayLike<number>,
    expected: ArrayLike<number>,
): { difference: number; index: number } {
    if (actual.length !== expected.length) {
        throw new Error(`${actual.length} numbers, wanted ${expected.length}`);
    }
    let worst = { difference: 0, index: -1 };
    for (let i = 0; i < actual.length; i++) {
        const difference = Math.abs(actual[i] - expected[i]);
        if (!(difference <= worst.difference)) {
            worst = { difference, index: i };
        }
    }
    return worst;
}
