import { LevelFor, PixelsPerMeter, ShownLevel } from "../../../../src/plugin/draw/levelOfDetail";
import { Multiply, Orthographic, Perspective, Scaling, Translation, TurnY } from "../../../support/matrices";

describe("level of detail", () => {
    it("is the coarsest whose Gaussians are near each other on the screen", () => {
        expect([10, 0.76, 0.74, 0.38, 0.37, 0].map((px) => LevelFor(px, null))).toEqual([0, 0, 1, 1, 2, 2]);
        expect(LevelFor(Infinity, null)).toBe(0);
    });

    it("does not flicker at the border", () => {
        for (const border of [0.75, 0.375]) {
            const shown = new ShownLevel();
            let changes = 0;
            let before: number | null = null;
            for (let frame = 0; frame < 200; frame++) {
                shown.update("auto", border * (1 + 0.08 * Math.sin(frame)), frame, 50 * frame);
                changes += before !== null && before !== shown.level ? 1 : 0;
                before = shown.level;
            }
            expect(changes).toBe(0);
        }
    });

    it("goes over in a quarter of a second, once per frame, and finishes before it turns back", () => {
        const shown = new ShownLevel();
        shown.update("auto", 5, 0, 1000);
        expect([shown.level, shown.leaving, shown.share]).toEqual([0, null, 1]);
        shown.update("auto", 0.6, 1, 1016);
        expect([shown.level, shown.leaving, shown.share]).toEqual([1, 0, 0]);
        shown.update("auto", 0.6, 1, 1100); // another picture of the same frame
        expect(shown.share).toBe(0);
        shown.update("auto", 5, 2, 1016 + 125);
        expect([shown.level, shown.leaving]).toEqual([1, 0]);
        expect(shown.share).toBeCloseTo(0.5, 9);
        shown.update("auto", 5, 3, 1016 + 250);
        expect([shown.level, shown.leaving, shown.share]).toEqual([0, 1, 0]);
        shown.update("auto", 5, 4, 5000); // out of sight meanwhile
        expect([shown.level, shown.leaving, shown.share]).toEqual([0, null, 1]);
        shown.update(2, 5, 5, 5016);
        expect([shown.level, shown.leaving]).toEqual([2, 0]);
    });

    it("measures an avatar on the screen", () => {
        const bounds = { min: [-0.1, -0.2, -0.1], max: [0.1, 0.2, 0.1] };
        const worldFromPosed = Multiply(Translation(0.3, 0, 2), Multiply(TurnY(0.7), Scaling(-2, 1, 1)));
        const size = { viewportWidthPx: 400, viewportHeightPx: 300 };
        for (const [rightHanded, clipFromView] of [
            [false, Perspective(2.5, 4 / 3, 0.1, 50)],
            [true, Perspective(2.5, 4 / 3, 0.1, 50, true)],
        ] as const) {
            const viewFromWorld = Multiply(Scaling(1, 1, rightHanded ? -1 : 1), Translation(0, 0, 1));
            const camera = { ...size, viewFromWorld, clipFromView };
            expect(PixelsPerMeter(camera, worldFromPosed, bounds)).toBeCloseTo((2 * 2.5 * 150) / 3, 6);
        }
        const orthographic = {
            ...size,
            viewFromWorld: Translation(0, 0, 9),
            clipFromView: Orthographic(4, 3, 0.1, 50),
        };
        expect(PixelsPerMeter(orthographic, worldFromPosed, bounds)).toBeCloseTo(200, 6);
        const within = {
            ...size,
            viewFromWorld: Translation(-0.3, 0, -1.9),
            clipFromView: Perspective(2.5, 4 / 3, 0.1, 50),
        };
        expect(PixelsPerMeter(within, worldFromPosed, bounds)).toBe(Infinity);
    });
});
