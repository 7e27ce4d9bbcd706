import { FlexAvatarError } from "../../../src/flame/error";
import { ParseHeadModel } from "../../../src/flame/headModel";
import { BuildTexelTable } from "../../../src/flame/texelTable";
import { CreateExpressionPose } from "../../../src/flame/expression";
import { PositionMap } from "../../../src/flame/positionMap";
import {
    OpenHeadAsync,
    PackHeadFile,
    RandomNumbers,
    TinyHead,
    TinyHeadParts,
    type HeadFileParts,
} from "../../support/heads";

/** The code that parsing throws, "ok" if it does not throw, and any other error as it is. */
function Outcome(bytes: ArrayBuffer): string {
    try {
        // A model that parses must also work: every index it holds is used here.
        const model = ParseHeadModel(bytes);
        const table = BuildTexelTable(model, 4);
        PositionMap(model, table, CreateExpressionPose(model), new Float32Array(48));
        return "ok";
    } catch (error) {
        return error instanceof FlexAvatarError ? error.code : `crash: ${String(error)}`;
    }
}

function Spoiled(spoil: (parts: HeadFileParts) => void): ArrayBuffer {
    const parts = TinyHeadParts();
    spoil(parts);
    return PackHeadFile(parts);
}

describe("head model file", () => {
    it("is read with its counts, names and numbers", () => {
        const model = TinyHead();
        expect([model.vertexCount, model.faceCount, model.uvCount, model.shapeCount, model.expressionCount]).toEqual([
            5, 2, 4, 1, 52,
        ]);
        expect(model.regions).toEqual(["face", "tongue"]);
        expect(Array.from(model.expressionDelta)).toEqual([0, -1000, 0, 0, -1000, 200]);
        expect(model.positionMapCenter).toEqual([0.05, 0.05, 0]);
    });

    it("that ships has 52 expressions, five joints left and right, and a quantised size under 3 MB", async () => {
        const model = await OpenHeadAsync();
        expect(model.expressions.length).toBe(52);
        expect(model.joints[9]).toBeGreaterThan(0.02);
        expect(model.joints[12]).toBeLessThan(-0.02);
        expect(model.template.buffer.byteLength).toBeLessThan(3e6);
        expect(model.license).toBe("CC0-1.0");
    });

    const wrong: Record<string, (parts: HeadFileParts) => void> = {
        "a missing array": (p) => delete p.arrays.uv,
        "another dtype": (p) => (p.arrays.faces.dtype = "i16"),
        "another shape": (p) => (p.arrays.weights.shape = [25]),
        "a vertex too many": (p) => (p.arrays.template.shape = [6, 3]),
        "faces that disagree in number": (p) => (p.arrays.faceRegion = { dtype: "u8", shape: [1], data: [0] }),
        "a negative dimension": (p) => (p.arrays.uv.shape = [-4, 2]),
        "a fractional dimension": (p) => (p.arrays.uv.shape = [3.5, 2]),
        "a huge dimension": (p) => (p.arrays.uv.shape = [1e15, 2]),
        "a vertex index out of range": (p) => (p.arrays.faces.data = [0, 1, 5, 0, 2, 3]),
        "an atlas index out of range": (p) => (p.arrays.uvFaces.data = [0, 1, 4, 0, 2, 3]),
        "a region out of range": (p) => (p.arrays.faceRegion.data = [0, 2]),
        "a landmark face out of range": (p) => (p.arrays.mediaPipeFace.data = new Array(478).fill(2)),
        "a landmark face below -1": (p) => (p.arrays.mediaPipeFace.data = new Array(478).fill(-2)),
        "expression ranges that decrease": (p) => (p.arrays.expressionStart.data = [2, ...new Array(52).fill(0)]),
        "expression ranges that end early": (p) => (p.arrays.expressionStart.data = new Array(53).fill(0)),
        "joint ranges beyond the entries": (p) => (p.arrays.jointStart.data = [0, 0, 0, 9, 9, 9]),
        "skin weights that do not sum to one": (p) => (p.arrays.weights.data = new Array(25).fill(50)),
        "a number that is not finite": (p) => (p.arrays.template.data = [Number.NaN, ...new Array(14).fill(0)]),
        "an expression name too many": (p) => (p.json.expressions as string[]).push("another"),
        "an expression name twice": (p) => ((p.json.expressions as string[])[1] = "eyeBlinkLeft"),
        "an unknown dynamic region": (p) => (p.json.dynamicRegions = ["nose"]),
        "other joints": (p) => (p.json.joints = ["root", "neck", "jaw", "eyeL", "eyeR"]),
        "other parents": (p) => (p.json.parents = [-1, 0, 1, 2, 1]),
        "a position map without size": (p) => (p.json.positionMap = { center: [0, 0, 0], scale: 0 }),
        "a name that is not text": (p) => (p.json.name = 7),
    };
    for (const [what, spoil] of Object.entries(wrong)) {
        it(`is refused with ${what}`, () => {
            expect(Outcome(Spoiled(spoil))).toBe("file-format");
        });
    }

    it("is refused with another magic, version, or arrays outside the file", () => {
        const bytes = PackHeadFile(TinyHeadParts());
        for (const [word, value] of [
            [0, 0x46464646],
            [1, 2],
            [2, 0xfffffffc],
            [2, 6],
        ]) {
            const other = bytes.slice(0);
            new Uint32Array(other, 0, 3)[word] = value;
            expect(Outcome(other)).toBe("file-format");
        }
        expect(Outcome(bytes)).toBe("ok");
    });

    it("is refused when cut anywhere", () => {
        const bytes = PackHeadFile(TinyHeadParts());
        for (let length = 0; length < bytes.byteLength; length += length < 40 ? 1 : 97) {
            expect(Outcome(bytes.slice(0, length)))
                .withContext(`cut at ${length}`)
                .toBe("file-format");
        }
    });

    it("with random bytes changed is refused or still works, and never crashes", () => {
        const seed = 20261122;
        const random = RandomNumbers(seed);
        const bytes = PackHeadFile(TinyHeadParts());
        const outcomes = new Map<string, number>();
        for (let trial = 0; trial < 3000; trial++) {
            const other = bytes.slice(0);
            const view = new Uint8Array(other);
            for (let flips = 0; flips < 1 + (trial % 4); flips++) {
                // Half of the changes hit the header, where most of the structure is.
                const reach = trial % 2 === 0 ? view.length : 3200;
                view[Math.floor(((random() + 1) / 2) * reach)] = Math.floor((random() + 1) * 128);
            }
            const outcome = Outcome(other);
            outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
        }
        expect([...outcomes.keys()].sort())
            .withContext(`seed ${seed}`)
            .toEqual(["file-format", "ok"]);
    });
});
