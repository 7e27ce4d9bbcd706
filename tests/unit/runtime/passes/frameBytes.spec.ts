import { FrameBytes, type IAvatarSize } from "../../../../src/runtime/passes/frameBytes";

describe("bytes of a frame", () => {
    /** As large as the paper's avatar, with the open head's share of dynamic Gaussians. */
    const paper: IAvatarSize = {
        gaussianCount: 141_445,
        dynamicCount: 92_400,
        vertexCount: 4_837,
        expressionEntryCount: 44_300,
    };
    const total = (of: "floorBytes" | "moved", ...parameters: Parameters<typeof FrameBytes>): number =>
        FrameBytes(...parameters).reduce(
            (sum, row) => sum + (of === "moved" ? row.readBytes + row.writtenBytes : row.floorBytes),
            0,
        );

    it("are at most one and a half times the floor, also while delta maps are blended", () => {
        for (const deltaMaps of [1, 2] as const) {
            const ratio = total("moved", [paper], deltaMaps) / total("floorBytes", [paper], deltaMaps);
            console.log(
                `${deltaMaps} delta map(s): ${(total("moved", [paper], deltaMaps) / 1e6).toFixed(1)} MB, ${ratio.toFixed(2)} of the floor`,
            );
            expect(ratio).toBeLessThan(1.5);
            expect(ratio).toBeGreaterThan(0.5); // and the table is not missing a pass
        }
    });

    it("grow with the number of avatars, all but the buckets of the one sort", () => {
        const eight = Array.from({ length: 8 }, () => paper);
        expect(total("moved", eight)).toBe(8 * total("moved", [paper]) - 7 * 4 * 4 * 65536);
    });

    it("are at most one and a half times the floor with an occluder too", () => {
        const hiding = { ...paper, occluderIndexCount: 12_876 };
        expect(total("moved", [hiding])).toBeGreaterThan(total("moved", [paper]));
        expect(total("moved", [hiding]) / total("floorBytes", [hiding])).toBeLessThan(1.5);
    });

    it("has no records to write for what is culled", () => {
        const [, , project, , draw] = FrameBytes([paper], 1, 0);
        expect(project.writtenBytes).toBe(4 * paper.gaussianCount);
        expect(draw.readBytes).toBe(0);
    });
});
