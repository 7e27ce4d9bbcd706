// Joints of its own for the hair of a second page: at rest nothing differs, and hair swings about where it hangs.
import { HangingPage, HangingPoint, HangingPose, SwingShare } from "../../../src/flame/hangingPage";
import { PartOfRegion } from "../../../src/flame/pageModel";
import { NearestRotation, RotationOfAxisAngle } from "../../../src/flame/rotation";
import { JointMatrices, SkinVertices } from "../../../src/flame/skinning";
import type { HeadModel } from "../../../src/flame/headModel";
import { MakeGridPage } from "../../support/gridPage";
import { OpenHeadAsync, WorstDifference } from "../../support/heads";

const None = [0, 0, 0];

function Posed(model: HeadModel, pose: ArrayLike<number>): Float32Array {
    return SkinVertices(
        model,
        model.template,
        JointMatrices(pose, model.joints, new Float32Array(60)),
        new Float32Array(3 * model.vertexCount),
    );
}

/** x, y, z turned by an axis-angle about a point. */
function Turned(point: readonly number[], axisAngle: readonly number[], about: readonly number[]): number[] {
    const turn = new Float64Array(9);
    RotationOfAxisAngle(axisAngle[0], axisAngle[1], axisAngle[2], turn);
    NearestRotation(turn);
    return [0, 1, 2].map(
        (row) => about[row] + [0, 1, 2].reduce((sum, k) => sum + turn[3 * row + k] * (point[k] - about[k]), 0),
    );
}

describe("the hair of a page", () => {
    let page: HeadModel;
    let hanging: HeadModel;
    let hair: number[];
    beforeAll(async () => {
        page = MakeGridPage(await OpenHeadAsync()).model;
        hanging = HangingPage(page);
        const of = (part: string): Set<number> =>
            new Set(
                Array.from({ length: page.faceCount }, (_, face) => face)
                    .filter((face) => PartOfRegion(page.regions[page.faceRegion[face]]) === part)
                    .flatMap((face) => Array.from(page.faces.subarray(3 * face, 3 * face + 3))),
            );
        const bust = of("bust");
        hair = [...of("hair")].filter((v) => !bust.has(v));
    });

    it("is where it is without joints of its own, for any pose of the head", () => {
        expect(HangingPage(page)).toBe(hanging);
        for (const pose of [
            new Float32Array(15),
            Float32Array.from({ length: 15 }, (_, i) => 0.7 * Math.sin(2.1 * i + 1)),
        ]) {
            pose.fill(0, 0, 3);
            const own = HangingPose(pose, None, None, new Float32Array(15));
            expect(WorstDifference(Posed(hanging, own), Posed(page, pose)).difference).toBeLessThan(2e-7);
        }
        const changed = page.weights.reduce((sum, weight, i) => sum + Number(weight !== hanging.weights[i]), 0);
        expect(changed).toBeGreaterThan(hair.length);
        for (let v = 0; v < page.vertexCount; v++) {
            const sum = (weights: Uint8Array): number => weights.subarray(5 * v, 5 * v + 5).reduce((a, b) => a + b, 0);
            expect(sum(hanging.weights)).toBe(255);
            expect(hanging.weights[5 * v + 1] + hanging.weights[5 * v + 2]).toBe(page.weights[5 * v + 1]);
        }
    });

    it("turns about the point in the head where it hangs, the farther down the more, and the bust not at all", () => {
        const turn = [0.2, -0.3, 0.1];
        const pose = new Float32Array(15).fill(0);
        pose.set([0.1, 0.5, -0.2], 3);
        const posed = Posed(hanging, HangingPose(pose, turn, None, new Float32Array(15)));
        const still = Posed(page, pose);
        const neck = Array.from(page.joints.subarray(3, 6));
        const point = HangingPoint(page.joints);
        let largest = 0;
        for (let v = 0; v < page.vertexCount; v++) {
            const rest = Array.from(page.template.subarray(3 * v, 3 * v + 3));
            const share = hair.includes(v) ? SwingShare(rest[1] - neck[1]) : 0;
            const weight = (Math.round(share * page.weights[5 * v + 1]) / 255) as number;
            // Hair's own turn first, then the neck's.
            const swung = Turned(Turned(rest, turn, point), [0.1, 0.5, -0.2], neck);
            const follows = Turned(rest, [0.1, 0.5, -0.2], neck);
            for (let axis = 0; axis < 3; axis++) {
                const moved = posed[3 * v + axis] - still[3 * v + axis];
                largest = Math.max(largest, Math.abs(moved));
                expect(Math.abs(moved - weight * (swung[axis] - follows[axis]))).toBeLessThan(5e-7);
            }
        }
        expect(largest).toBeGreaterThan(0.005);
    });

    it("that lies on the torso turns about the base of the neck, whichever way the head is turned", () => {
        const turn = [0.1, 0.2, -0.15];
        const neck = Array.from(page.joints.subarray(3, 6));
        for (const head of [None, [0.3, -0.9, 0.2]]) {
            const pose = new Float32Array(15);
            pose.set(head, 3);
            const posed = Posed(hanging, HangingPose(pose, None, turn, new Float32Array(15)));
            const still = Posed(page, pose);
            let largest = 0;
            for (let v = 0; v < page.vertexCount; v++) {
                const rest = Array.from(page.template.subarray(3 * v, 3 * v + 3));
                const share = hair.includes(v) ? SwingShare(rest[1] - neck[1]) : 0;
                const weight = Math.round(share * page.weights[5 * v]) / 255;
                const swung = Turned(rest, turn, neck);
                for (let axis = 0; axis < 3; axis++) {
                    const moved = posed[3 * v + axis] - still[3 * v + axis];
                    largest = Math.max(largest, Math.abs(moved));
                    expect(Math.abs(moved - weight * (swung[axis] - rest[axis]))).toBeLessThan(5e-7);
                }
            }
            expect(largest).toBeGreaterThan(0.003);
        }
    });

    it("swings not at the scalp, and in full below the chin", () => {
        expect([0.2, 0.075, -0.055, -0.3].map(SwingShare)).toEqual([0, 0, 1, 1]);
        expect(SwingShare(0.01)).toBeCloseTo(0.5, 9);
    });
});
