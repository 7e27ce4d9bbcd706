import { ToCamera } from "../../../src/flame/fit/camera";
import { PhotoAnchors } from "../../../src/flame/fit/anchors";
import { DrawDepth, IsVisible } from "../../../src/flame/fit/depthBuffer";
import { FittedVertices } from "../../../src/flame/fit/fittedHead";
import type { HeadModelFit } from "../../../src/flame/fit/fitHeadModel";
import { IdentityPrior } from "../../../src/flame/fit/prior";
import type { HeadModel } from "../../../src/flame/headModel";
import { ExpressionIndex } from "../../../src/flame/expression";
import { RotationOfAxisAngle } from "../../../src/flame/rotation";
import { BuildTexelTable, RegionShift, type TexelTable } from "../../../src/flame/texelTable";
import { OpenHeadAsync, RandomNumbers, SpreadLandmarkHeadAsync, TinyHead, WorstDifference } from "../../support/heads";
import { ProjectToCrop } from "../../support/projectToCrop";

/** A fit with a smile, a half-open mouth and some identity, the head turned by yaw degrees, 0.77 m from the camera. */
function FitAt(
    model: HeadModel,
    yaw: number,
    weights: Record<string, number> = { jawOpen: 0.4, mouthSmileLeft: 0.6 },
): HeadModelFit {
    const rotation = new Float64Array(9);
    RotationOfAxisAngle(0, (yaw * Math.PI) / 180, 0, rotation);
    const expression = new Float32Array(model.expressionCount);
    for (const [name, weight] of Object.entries(weights)) {
        expression[ExpressionIndex(model, name)] = weight;
    }
    const translation = Float64Array.of(0.01, -0.02, -0.77);
    const shape = new Float32Array(model.shapeCount);
    shape.set([1, -0.7].slice(0, model.shapeCount));
    return {
        shape,
        views: [{ rotation, translation, focal: 2.4, expression, pose: new Float32Array(15) }],
        residual: 0,
        iterations: 0,
    };
}

/** Mean confidence of a region, of the half of it with sign · x > 0 on the template if a sign is given. */
function MeanConfidence(model: HeadModel, table: TexelTable, anchors: Float32Array, region: string, sign = 0): number {
    let [sum, count] = [0, 0];
    for (let g = 0; g < table.gaussianCount; g++) {
        const isRegion = model.regions[table.flags[g] >>> RegionShift] === region;
        if (isRegion && (sign === 0 || model.template[3 * table.corners[3 * g]] * sign > 0.02)) {
            sum += anchors[2 * table.mapSize ** 2 + table.texel[g]];
            count++;
        }
    }
    return sum / count;
}

/** Bilinear value of one channel at a place of the atlas, NaN unless all four texels around are of the face region. */
function SampleFace(
    model: HeadModel,
    table: TexelTable,
    map: Float32Array,
    channel: number,
    u: number,
    v: number,
): number {
    const size = table.mapSize;
    const [x, y] = [u * size - 0.5, (1 - v) * size - 0.5];
    const [column, row] = [Math.floor(x), Math.floor(y)];
    let sum = 0;
    for (const [dx, dy] of [
        [0, 0],
        [1, 0],
        [0, 1],
        [1, 1],
    ]) {
        const texel = (row + dy) * size + column + dx;
        const gaussian = table.gaussianOfTexel[texel] ?? -1;
        if (gaussian < 0 || model.regions[table.flags[gaussian] >>> RegionShift] !== "face") {
            return Number.NaN;
        }
        const weight = (dx === 1 ? x - column : 1 - x + column) * (dy === 1 ? y - row : 1 - y + row);
        sum += weight * map[channel * size * size + texel];
    }
    return sum;
}

/**
 * Least distance along the ray from the camera (the origin) through `point` to any face, as a share of the way to the
 * point.
 */
function NearestHit(model: HeadModel, vertices: Float32Array, point: readonly number[]): number {
    let nearest = Number.POSITIVE_INFINITY;
    for (let face = 0; face < model.faceCount; face++) {
        const [a, b, c] = [0, 1, 2].map((k) => {
            const at = 3 * model.faces[3 * face + k];
            return [vertices[at], vertices[at + 1], vertices[at + 2]];
        });
        // Möller and Trumbore.
        const minus = (p: number[], q: number[]) => [p[0] - q[0], p[1] - q[1], p[2] - q[2]];
        const cross = (p: readonly number[], q: readonly number[]) => [
            p[1] * q[2] - p[2] * q[1],
            p[2] * q[0] - p[0] * q[2],
            p[0] * q[1] - p[1] * q[0],
        ];
        const dot = (p: readonly number[], q: readonly number[]) => p[0] * q[0] + p[1] * q[1] + p[2] * q[2];
        const [ab, ac] = [minus(b, a), minus(c, a)];
        const p = cross(point, ac);
        const determinant = dot(ab, p);
        if (Math.abs(determinant) < 1e-15) {
            continue;
        }
        const toOrigin = a.map((value) => -value);
        const u = dot(toOrigin, p) / determinant;
        const q = cross(toOrigin, ab);
        const v = dot(point, q) / determinant;
        if (u >= 0 && v >= 0 && u + v <= 1) {
            nearest = Math.min(nearest, dot(ac, q) / determinant);
        }
    }
    return nearest;
}

describe("photo anchors", () => {
    it("put landmarks of the face within a pixel of where the camera sees them", async () => {
        const model = await SpreadLandmarkHeadAsync();
        const fit = FitAt(model, 20);
        const [view] = fit.views;
        const vertices = ToCamera(view, FittedVertices(model, fit, view));
        const table = BuildTexelTable(model, 256);
        const anchors = PhotoAnchors(model, fit, view, 256);
        let [worst, compared] = [0, 0];
        for (let i = 0; i < 478; i++) {
            const mix = (values: ArrayLike<number>, faces: ArrayLike<number>, width: number, axis: number) =>
                [0, 1, 2].reduce(
                    (sum, k) =>
                        sum +
                        model.mediaPipeBary[3 * i + k] * values[width * faces[3 * model.mediaPipeFace[i] + k] + axis],
                    0,
                );
            const [u, v] = [mix(model.uv, model.uvFaces, 2, 0), mix(model.uv, model.uvFaces, 2, 1)];
            const seen = ProjectToCrop(
                view,
                [0, 1, 2].map((axis) => mix(vertices, model.faces, 3, axis)),
            );
            const [x, y] = [SampleFace(model, table, anchors, 0, u, v), SampleFace(model, table, anchors, 1, u, v)];
            if (!Number.isNaN(x)) {
                worst = Math.max(worst, 256 * Math.hypot(x - seen[0], y - seen[1]));
                compared++;
            }
        }
        expect(compared).toBeGreaterThan(200);
        expect(worst).toBeLessThan(1);
    });

    it("agree with rays about what is hidden", async () => {
        const model = await OpenHeadAsync();
        const fit = FitAt(model, 35);
        const [view] = fit.views;
        const vertices = ToCamera(view, FittedVertices(model, fit, view));
        const size = 48;
        const table = BuildTexelTable(model, size);
        const anchors = PhotoAnchors(model, fit, view, size);
        const seed = 31;
        const random = RandomNumbers(seed);
        const counts = { seen: 0, hidden: 0 };
        for (let trial = 0; trial < 250; trial++) {
            const g = Math.floor(((random() + 1) / 2) * table.gaussianCount);
            const point = [0, 1, 2].map((axis) =>
                [0, 1, 2].reduce(
                    (sum, k) => sum + table.bary[3 * g + k] * vertices[3 * table.corners[3 * g + k] + axis],
                    0,
                ),
            );
            const x = anchors[table.texel[g]] * size;
            expect(Math.abs(x / size - (0.5 - (2.4 * point[0]) / point[2]))).toBeLessThan(1e-5);
            const gap = -point[2] * (1 - NearestHit(model, vertices, point)); // meters in front of the point
            const confidence = anchors[2 * size * size + table.texel[g]];
            // A z-buffer of 256² with 4 mm of bias cannot tell what is closer to the surface than 1 cm; and at an edge,
            // where the farthest of four samples decides, a texel that is seen edge-on may keep a little confidence.
            if (gap > 0.01 && confidence > 0.1) {
                fail(
                    `texel ${table.texel[g]} is ${gap} m behind the surface and has confidence ${confidence} (seed ${seed})`,
                );
            }
            if (gap > 0.01) {
                counts.hidden++;
            } else if (confidence > 0) {
                counts.seen++;
            }
        }
        expect(counts.hidden).toBeGreaterThan(40);
        expect(counts.seen).toBeGreaterThan(40);
    });

    it("trust the face most, scalp and neck less, and nothing behind closed lips or on the far side", async () => {
        const model = await OpenHeadAsync();
        const table = BuildTexelTable(model, 64);
        const confidence = (yaw: number, region: string, sign = 0) => {
            const fit = FitAt(model, yaw, {});
            return MeanConfidence(model, table, PhotoAnchors(model, fit, fit.views[0], 64), region, sign);
        };
        expect(confidence(0, "face")).toBeGreaterThan(0.6);
        expect(confidence(0, "scalp")).toBeLessThan(0.2);
        expect(confidence(0, "tongue")).toBe(0);
        expect(confidence(0, "teethLower")).toBeLessThan(0.01); // the lips' corners stand open by a hair
        // Turned to its left by 60°, the head shows its right cheek and ear.
        expect(confidence(60, "face", -1)).toBeGreaterThan(2 * confidence(60, "face", 1));
        expect(confidence(60, "ears", -1)).toBeGreaterThan(0.1);
        expect(confidence(60, "ears", 1)).toBe(0);
        expect(confidence(180, "eyeLeft")).toBe(0);
    });

    it("stay in 0..1, are 0 without a texel, and sure of nothing outside the crop", async () => {
        const model = await OpenHeadAsync();
        const fit = FitAt(model, 0);
        fit.views[0].translation[0] = 0.16; // the left half of the head leaves the crop
        const anchors = PhotoAnchors(model, fit, fit.views[0], 64);
        const table = BuildTexelTable(model, 64);
        expect(anchors.every((value) => value >= 0 && value <= 1)).toBe(true);
        expect(table.gaussianOfTexel.every((g, t) => g >= 0 || (anchors[t] === 0 && anchors[8192 + t] === 0))).toBe(
            true,
        );
        expect(anchors.every((value, i) => i >= 4096 || value < 1 || anchors[8192 + i] === 0)).toBe(true);
        expect(MeanConfidence(model, table, anchors, "face", -1)).toBeGreaterThan(0.4);
        expect(MeanConfidence(model, table, anchors, "ears", 1)).toBe(0);
    });
});

describe("depth buffer", () => {
    it("of a square facing the camera has its depth inside and hides what lies behind", () => {
        const model = TinyHead();
        const vertices = Float32Array.from(model.template, (value, i) => (i % 3 === 2 ? -0.5 : value - 0.05));
        const depth = DrawDepth(model, vertices, 2.4, 64);
        // 0.1 m at 0.5 m with f = 2.4 covers 0.48 of the picture.
        const covered = depth.depth.filter((value) => value < 1e8);
        expect(covered.length).toBe(30 * 30);
        expect(covered.every((value) => Math.abs(value - 0.5) < 1e-6)).toBe(true);
        expect(IsVisible(depth, 32, 32, 0.503, 0.004)).toBe(true);
        expect(IsVisible(depth, 32, 32, 0.505, 0.004)).toBe(false);
        expect(IsVisible(depth, -1, 32, 0.4, 0.004)).toBe(false);
        expect(IsVisible(depth, Number.NaN, 32, 0.4, 0.004)).toBe(false);
    });
});

describe("depth buffer of a triangle", () => {
    it("covers the half of its bounding box that it fills, on either winding", () => {
        const model = TinyHead();
        for (const corner of [1, 3]) {
            const vertices = Float32Array.from(model.template, (value, i) => (i % 3 === 2 ? -0.5 : value - 0.05));
            vertices.copyWithin(3 * corner, 6, 9); // one of the two triangles collapses
            const covered = DrawDepth(model, vertices, 2.4, 64).depth.filter((value) => value < 1e8).length;
            // 30 · 29 / 2 pixels beside the diagonal, and as many of the 30 on it as rounding lets in.
            expect(covered).toBeGreaterThanOrEqual(435);
            expect(covered).toBeLessThanOrEqual(465);
        }
    });
});

describe("identity prior", () => {
    it("is the offset at one standard deviation over 2 cm, with a flag", () => {
        const model = TinyHead();
        const fit = FitAt(model, 0, {});
        const prior = IdentityPrior(model, fit, 4);
        // The direction stretches x linearly from −1 cm at u = 0 to 1 cm at u = 0.5: −0.25 and 0.25 at the two columns.
        const expected = new Float32Array(4 * 16);
        for (let row = 0; row < 4; row++) {
            expected.set([-0.25, 0.25], 4 * row);
            expected.set([1, 1], 48 + 4 * row);
        }
        expect(WorstDifference(prior, expected).difference).toBeLessThan(1e-6);
    });

    it("of the mean head is zero with the flag set", async () => {
        const model = await OpenHeadAsync();
        const fit = { ...FitAt(model, 0), shape: new Float32Array(model.shapeCount) };
        const prior = IdentityPrior(model, fit, 32);
        expect(prior.subarray(0, 3072).every((value) => value === 0)).toBe(true);
        expect(prior.subarray(3072).reduce((sum, value) => sum + value, 0)).toBe(
            BuildTexelTable(model, 32).gaussianCount,
        );
    });
});
