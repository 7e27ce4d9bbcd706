// Sequences of FLAME's coefficients: known answers through the map, names of several trackers, heads and eyes, streams.
import { FlexAvatarError } from "../../../../src/flame/error";
import { ArkitNames, type ArkitName } from "../../../../src/flame/expression";
import type { HeadModel } from "../../../../src/flame/headModel";
import { RotationOfAxisAngle } from "../../../../src/flame/rotation";
import type { FaceClip } from "../../../../src/plugin/live/faceClip";
import { CreateFaceFrame, JointIndex, WeightIndex, type IFaceFrame } from "../../../../src/plugin/live/faceSource";
import { ParseFaceClip } from "../../../../src/plugin/live/readFaceClip";
import { StreamSource } from "../../../../src/plugin/live/streamSource";
import { FlameFaceMap } from "../../../../src/runtime/flame/flameFaceMap";
import { OpenHeadAsync } from "../../../support/heads";
import { MakeMixedFlame, MixedNames } from "../../../support/mixedFlame";
import { WriteNpz, type IWrittenArray } from "../../../support/pythonFiles";

const Rows = (rows: readonly ArrayLike<number>[]): IWrittenArray => ({
    shape: [rows.length, rows[0].length],
    values: rows.flatMap((row) => Array.from(row)),
    type: "<f4",
});

function At(clip: FaceClip, timeS: number): IFaceFrame {
    const frame = CreateFaceFrame();
    clip.sampleToRef(timeS, frame);
    return frame;
}

/** Turns of a joint as Rodrigues' formula has them, for small angles: twice the quaternion's vector. */
const TurnOf = (frame: IFaceFrame, joint: Parameters<typeof JointIndex>[0]): number[] =>
    [0, 1, 2].map((axis) => 2 * frame.turns[4 * JointIndex(joint) + axis]);

describe("a sequence of FLAME's coefficients", () => {
    let head: HeadModel;
    let map: FlameFaceMap;
    let coefficientsOf: (weights: readonly number[]) => Float64Array;

    beforeAll(async () => {
        head = await OpenHeadAsync();
        const mixed = MakeMixedFlame(head);
        ({ coefficientsOf } = mixed);
        await new Promise((resolve) => setTimeout(resolve)); // the browser says that it is alive
        map = new FlameFaceMap(mixed.flame, head);
    });

    /** Weights of {@link MixedNames} in three frames. */
    const wanted = [0, 1, 2].map((frame) => MixedNames.map((_, k) => ((k * 3 + frame * 5) % 8) / 8));

    it("gives back the weights whose movement its coefficients are, with nothing left", () => {
        const file = WriteNpz({ expr: Rows(wanted.map(coefficientsOf)), fps: { shape: [], values: [25] } });
        const clip = ParseFaceClip(file, { flame: map, name: "tracked" });
        expect([clip.frameCount, clip.durationS]).toEqual([3, 2 / 25]);
        expect(clip.residual).toBeLessThan(0.05);
        wanted.forEach((weights, frame) => {
            const shown = At(clip, frame / 25);
            ArkitNames.forEach((name, at) => {
                const k = MixedNames.indexOf(name as never);
                expect(Math.abs(shown.weights[at] - (k < 0 ? 0 : weights[k])))
                    .withContext(`${name} of frame ${frame}`)
                    .toBeLessThan(0.05);
            });
        });
    });

    it("opens the jaw by its pose, and says so of no expression that it does not move", () => {
        const jaw = Rows([0, 0.04, 0.08].map((angle) => [angle, 0, 0]));
        const clip = ParseFaceClip(WriteNpz({ jaw_pose: jaw }), { flame: map });
        const opened = [0, 1, 2].map((frame) => At(clip, frame / 30).weights[WeightIndex("jawOpen")]);
        expect(opened[0]).toBeLessThan(1e-6);
        expect(opened[1]).toBeGreaterThan(0.05);
        expect(opened[2]).toBeGreaterThan(1.6 * opened[1]);
        expect(At(clip, 0).says[WeightIndex("eyeLookInLeft")]).toBe(0);
        expect(At(clip, 0).says[WeightIndex("tongueOut")]).toBe(0);
        expect(clip.residual).toBeGreaterThan(0);
    });

    it("is known by the names of several trackers, in batches too, and tells which arrays it does not know", () => {
        const code = coefficientsOf(wanted[1]);
        const three = (values: ArrayLike<number>): IWrittenArray => Rows([values, values, values]);
        const jaw = [0.2, 0, 0];
        const layouts: Record<string, Record<string, IWrittenArray>> = {
            VHAP: {
                expr: three(code),
                jaw_pose: three(jaw),
                shape: Rows([[1, 2]]),
                static_offset: Rows([[0]]),
                timestep_id: three([0]),
            },
            "DECA and EMOCA": { expcode: three(code), posecode: three([0, 0, 0, ...jaw]), shapecode: three([0]) },
            SMIRK: { expression_params: three(code), jaw_params: three(jaw), eyelid_params: three([0, 0]) },
            "smplx, in a batch": {
                expression: { shape: [1, 3, code.length], values: three(code).values },
                jaw_pose: { shape: [1, 3, 3], values: three(jaw).values },
                betas: Rows([[0]]),
            },
            "rotations by two rows": { exp: three(code), jaw: three([1, 0, 0, 0, Math.cos(0.2), -Math.sin(0.2)]) },
        };
        const first = At(ParseFaceClip(WriteNpz(layouts.VHAP), { flame: map }), 0).weights;
        for (const [name, arrays] of Object.entries(layouts)) {
            const clip = ParseFaceClip(WriteNpz({ ...arrays, tongue_wave: three([0]) }), { flame: map });
            expect(clip.unknownColumns).withContext(name).toEqual(["tongue_wave"]);
            At(clip, 0).weights.forEach((weight, at) => {
                expect(Math.abs(weight - first[at]))
                    .withContext(`${name}, ${ArkitNames[at]}`)
                    .toBeLessThan(0.01);
            });
        }
    });

    it("shuts eyes by a tracker's own lids", () => {
        const file = WriteNpz({ expr: Rows([new Float64Array(8)]), eyelids: Rows([[0.75, 0.25]]) });
        const { weights } = At(ParseFaceClip(file, { flame: map }), 0);
        expect([weights[WeightIndex("eyeBlinkLeft")], weights[WeightIndex("eyeBlinkRight")]]).toEqual([0.75, 0.25]);
    });

    it("turns head and eyes: from the middle of the sequence, whatever the tracker's world is", () => {
        // A world that stands on its head and looks away.
        const world = Array.from({ length: 9 }, () => 0);
        RotationOfAxisAngle(0.3, 3, -0.4, world);
        const nods = [-0.1, 0, 0.1];
        const rotations = nods.map((nod) => {
            const turn = RotationOfAxisAngleOf(nod);
            return [0, 1, 2].flatMap((row) =>
                [0, 1, 2].map((column) =>
                    [0, 1, 2].reduce((sum, k) => sum + world[3 * row + k] * turn[3 * k + column], 0),
                ),
            );
        });
        const neck = nods.map(() => [0, 0.05, 0]);
        const eyes = nods.map(() => [0.1, 0, 0, 0, 0.2, 0]);
        const arrays = { rotation: Rows(rotations), neck_pose: Rows(neck), eyes_pose: Rows(eyes) };
        const clip = ParseFaceClip(WriteNpz(arrays), { flame: map });
        nods.forEach((nod, frame) => {
            const shown = At(clip, frame / 30);
            const [x, y, z] = TurnOf(shown, "neck");
            expect(x).toBeCloseTo(nod, 2);
            expect(y).toBeCloseTo(0.05, 2);
            expect(z).toBeCloseTo(0, 2);
            expect(TurnOf(shown, "leftEye")[0]).toBeCloseTo(0.1, 3);
            expect(TurnOf(shown, "rightEye")[1]).toBeCloseTo(0.2, 3);
        });
        const none = At(ParseFaceClip(WriteNpz(arrays), { flame: map, flameHead: "none" }), 0);
        expect(none.saysTurns[JointIndex("neck")]).toBe(0);
    });

    it("is refused without a map, and where it has no coefficients", () => {
        const codeOf = (call: () => unknown): string => {
            try {
                call();
                return "none";
            } catch (error) {
                return error instanceof FlexAvatarError ? error.code : String(error);
            }
        };
        const file = WriteNpz({ expr: Rows([new Float64Array(8)]) });
        expect(codeOf(() => ParseFaceClip(file))).toBe("invalid-argument");
        expect(codeOf(() => ParseFaceClip(file.slice(0, 60), { flame: map }))).toBe("file-format");
        expect(codeOf(() => ParseFaceClip(WriteNpz({ K: Rows([[1]]) }), { flame: map }))).toBe("file-format");
    });

    it("comes in packets of a stream, too", () => {
        let now = 1000;
        const stream = new StreamSource({ flame: map, delayS: 0, now: () => now });
        const blinkAt: ArkitName = "eyeBlinkLeft";
        const weights = MixedNames.map((name) => (name === blinkAt ? 0.5 : 0));
        stream.push({
            expr: Array.from(coefficientsOf(weights)),
            rotation: [0, 0, 0],
            eyes_pose: [0, 0.1, 0, 0, 0.1, 0],
        });
        now += 33;
        stream.push(JSON.stringify({ expr: Array.from(coefficientsOf(weights)), rotation: [0.1, 0, 0] }));
        const frame = CreateFaceFrame();
        expect(stream.readFrame(frame)).toBeTrue();
        expect(frame.weights[WeightIndex(blinkAt)]).toBeCloseTo(0.5, 1);
        expect(TurnOf(frame, "neck")[0]).toBeCloseTo(0.1, 3);
        expect(TurnOf(frame, "leftEye")[1]).toBeCloseTo(0.1, 3);
        expect(stream.statistics.broken).toBe(0);
    });
});

function RotationOfAxisAngleOf(nod: number): number[] {
    const turn = Array.from({ length: 9 }, () => 0);
    RotationOfAxisAngle(nod, 0, 0, turn);
    return turn;
}
