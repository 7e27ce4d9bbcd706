import { JointCount, type HeadModel } from "../../../../src/flame/headModel";
import { ShutLips } from "../../../../src/runtime/mesh/shutLips";
import { OpenHeadAsync } from "../../../support/heads";

const JawJoint = 2;

describe("lips of a mesh", () => {
    let model: HeadModel;
    let upper: number[];
    let lower: number[];

    beforeAll(async () => {
        model = await OpenHeadAsync();
        const { faces, faceRegion, regions, weights } = model;
        const ofLips = Array.from(faces).filter((_, i) => regions[faceRegion[Math.floor(i / 3)]] === "lips");
        const isLower = (vertex: number): boolean => weights[JointCount * vertex + JawJoint] >= 128;
        upper = [...new Set(ofLips)].filter((vertex) => !isLower(vertex));
        lower = [...new Set(ofLips)].filter(isLower);
    });

    /** The template with lips that are `gap` meters farther apart, and how far its touching vertices are then. */
    const opened = (gap: number): Float32Array => {
        const vertices = model.template.slice();
        upper.forEach((vertex) => (vertices[3 * vertex + 1] += gap / 2));
        lower.forEach((vertex) => (vertices[3 * vertex + 1] -= gap / 2));
        return vertices;
    };
    const gaps = (vertices: Float32Array): number[] =>
        upper.flatMap((vertex) => {
            const far = (at: number, of: Float32Array): number =>
                Math.hypot(...[0, 1, 2].map((k) => of[3 * vertex + k] - of[3 * at + k]));
            const partner = lower.reduce((a, b) => (far(b, model.template) < far(a, model.template) ? b : a));
            return far(partner, model.template) < 0.0006 && Math.abs(model.template[3 * vertex]) < 0.02
                ? [far(partner, vertices)]
                : [];
        });

    it("meet where they stood three millimeters apart", () => {
        const before = gaps(opened(0.003));
        expect(before.length).toBeGreaterThan(4);
        expect(Math.min(...before)).toBeGreaterThan(0.0025);
        expect(Math.max(...gaps(ShutLips(model, opened(0.003))))).toBeLessThan(0.001);
    });

    it("move by three millimeters each at most: an open mouth stays open", () => {
        const vertices = opened(0.02);
        const shut = ShutLips(model, vertices);
        shut.forEach((value, i) => expect(Math.abs(value - vertices[i])).toBeLessThanOrEqual(0.0031));
        expect(Math.min(...gaps(shut))).toBeGreaterThan(0.013);
    });

    it("take with them what is near, and nothing else", () => {
        const vertices = opened(0.003);
        const shut = ShutLips(model, vertices);
        const moved = (vertex: number): number => Math.abs(shut[3 * vertex + 1] - vertices[3 * vertex + 1]);
        const { faces, faceRegion, regions, template } = model;
        const lips = [...upper, ...lower];
        faces.forEach((vertex, i) => {
            const region = regions[faceRegion[Math.floor(i / 3)]];
            const isFar = lips.every(
                (at) => Math.hypot(...[0, 1, 2].map((k) => template[3 * at + k] - template[3 * vertex + k])) > 0.015,
            );
            if (isFar || region.startsWith("teeth") || region === "tongue") {
                expect(moved(vertex)).withContext(region).toBeLessThan(1e-5);
            }
        });
    });
});
