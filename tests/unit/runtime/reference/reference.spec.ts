// The twins of the GPU passes, against closed forms: what the GPU tests trust has to be right itself.
import { NearestRotationReference, type IGaussian } from "../../../../src/runtime/reference/activate";
import { RasterizeReference } from "../../../../src/runtime/reference/rasterize";
import { CountKeys, SortKeysReference } from "../../../../src/runtime/reference/sort";
import { ProjectGaussian, type IReferenceView } from "../../../../src/runtime/reference/splatProject";
import { CulledKey } from "../../../../src/runtime/layout";

const turnZ = (angle: number): number[][] => [
    [Math.cos(angle), -Math.sin(angle), 0],
    [Math.sin(angle), Math.cos(angle), 0],
    [0, 0, 1],
];

describe("reference: nearest rotation", () => {
    it("turns halfway for an even blend of two turns about one axis", () => {
        const [a, b] = [turnZ(0.2), turnZ(1.4)];
        const blend = a.map((row, i) => row.map((x, k) => (x + b[i][k]) / 2));
        NearestRotationReference(blend).forEach((row, i) =>
            row.forEach((x, k) => expect(x).toBeCloseTo(turnZ(0.8)[i][k], 12)),
        );
    });

    it("leaves a rotation as it is", () => {
        NearestRotationReference(turnZ(2.5)).forEach((row, i) =>
            row.forEach((x, k) => expect(x).toBeCloseTo(turnZ(2.5)[i][k], 12)),
        );
    });
});

describe("reference: projection", () => {
    const sigma = 0.003;
    const gaussian: IGaussian = {
        mean: [0.1, -0.2, 2],
        covariance: [0, 1, 2].map((i) => [0, 1, 2].map((k) => (i === k ? sigma ** 2 : 0))),
        color: [1, 0.5, 0],
        opacity: 0.7,
        surface: [0.1, -0.2, 2],
        height: 0,
        normal: [0, 0, -1],
        twoSided: false,
        isShell: false,
        outwards: [0, 0, 1],
        side: null,
    };
    const identity = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1];
    /** 90° field of view, 400 px square: 200 px focal length. */
    const view: IReferenceView = {
        worldFromPosed: identity,
        viewFromWorld: identity,
        clipFromView: [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1.01, 1, 0, 0, -0.101, 0],
        viewportWidthPx: 400,
        viewportHeightPx: 400,
    };

    it("puts a point at f·x/z and spreads it by the derivative of that", () => {
        const splat = ProjectGaussian(gaussian, view);
        expect(splat.visible).toBeTrue();
        expect(splat.centerPx[0]).toBeCloseTo(10, 9);
        expect(splat.centerPx[1]).toBeCloseTo(-20, 9);
        expect(splat.viewDepth).toBe(2);
        // d(200 x/z) = 100 dx − 5 dz; d(200 y/z) = 100 dy + 10 dz
        expect(splat.covariancePx[0]).toBeCloseTo(sigma ** 2 * (100 ** 2 + 5 ** 2) + 0.3, 9);
        expect(splat.covariancePx[1]).toBeCloseTo(sigma ** 2 * -50, 9);
        expect(splat.covariancePx[2]).toBeCloseTo(sigma ** 2 * (100 ** 2 + 10 ** 2) + 0.3, 9);
    });

    it("culls what is behind the camera, off screen, faint or turned away", () => {
        const visible = (change: Partial<IGaussian>, of: Partial<IReferenceView> = {}): boolean =>
            ProjectGaussian({ ...gaussian, ...change }, { ...view, ...of }).visible;
        expect(visible({ mean: [0.1, -0.2, -2] })).toBeFalse();
        expect(visible({ mean: [2.2, 0, 2] })).toBeFalse();
        expect(visible({ mean: [2.01, 0, 2] }))
            .withContext("its rim is still on the screen")
            .toBeTrue();
        expect(visible({ opacity: 0.0039 })).toBeFalse();
        expect(visible({ normal: [0, 0, 1] })).toBeTrue();
        expect(visible({ normal: [0, 0, 1] }, { cullBackFaces: true })).toBeFalse();
        expect(visible({ normal: [0, 0, 1], twoSided: true }, { cullBackFaces: true })).toBeTrue();
        const aslant = { normal: [0.866, 0, 0.5] };
        expect(visible(aslant, { cullBackFaces: true })).toBeFalse();
        expect(visible({ ...aslant, height: 0.03 }, { cullBackFaces: true }))
            .withContext("hair reaches over the horizon")
            .toBeTrue();
        expect(visible({ normal: [0, 0, 1], height: 0.03 }, { cullBackFaces: true })).toBeFalse();
    });

    it("keeps the light of a small splat with opacity compensation", () => {
        // Opacity times area is that of the undilated splat.
        const { alpha, covariancePx } = ProjectGaussian(gaussian, { ...view, compensateOpacity: true });
        const [xx, xy, yy] = covariancePx;
        const before = Math.sqrt((xx - 0.3) * (yy - 0.3) - xy * xy);
        expect(alpha * Math.sqrt(xx * yy - xy * xy)).toBeCloseTo(0.7 * before, 12);
    });
});

describe("reference: rasteriser", () => {
    it("lays the later splat over the earlier", () => {
        const back = { centerPx: [0.5, 0.5] as const, covariancePx: [4, 0, 4] as const, color: [1, 0, 0], alpha: 0.5 };
        const front = { ...back, color: [0, 1, 0], alpha: 0.25 };
        const image = RasterizeReference([back, front], 8, 8);
        // Pixel of column 4, row 3 has its centre half a pixel right of and above the middle: both splats are at their
        // peak.
        expect(Array.from(image.subarray(4 * (3 * 8 + 4), 4 * (3 * 8 + 4) + 4))).toEqual([0.375, 0.25, 0, 0.625]);
    });

    it("covers as much as the integral of a Gaussian", () => {
        const image = RasterizeReference(
            [{ centerPx: [3, -2], covariancePx: [40, 12, 25], color: [1, 1, 1], alpha: 0.9 }],
            128,
            128,
        );
        const sum = image.reduce((total, x, i) => total + (i % 4 === 3 ? x : 0), 0);
        // 2π √det · alpha, less the tail below 1/255: 2π √det / 255
        expect(sum / (2 * Math.PI * Math.sqrt(40 * 25 - 144) * (0.9 - 1 / 255))).toBeCloseTo(1, 2);
    });
});

describe("reference: sort", () => {
    it("keeps input order for equal keys and leaves out culled ones", () => {
        expect(Array.from(SortKeysReference(Uint32Array.of(5, CulledKey, 3, 5, 0, 3)))).toEqual([4, 2, 5, 0, 3]);
    });

    it("counts keys", () => {
        const counts = CountKeys(Uint32Array.of(5, CulledKey, 3, 5));
        expect([counts[3], counts[5], counts.reduce((a, b) => a + b)]).toEqual([1, 2, 3]);
    });
});
