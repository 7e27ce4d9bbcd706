// The picture that networks are trained on is the picture that browsers show: posing, skinning, activation,
// anti-aliasing, falloff and blending in one.
import { CreateExpressionPose, ExpressionIndex } from "../../../../src/flame/expression";
import { ParseHeadModel } from "../../../../src/flame/headModel";
import { BuildTexelTable } from "../../../../src/flame/texelTable";
import { PoseVerticesReference } from "../../../../src/runtime/reference/poseVertices";
import { RasterizeReference } from "../../../../src/runtime/reference/rasterize";
import { SplatProjectReference } from "../../../../src/runtime/reference/splatProject";
import { Psnr } from "../../../support/gpu";
import { Perspective, Translation } from "../../../support/matrices";

/** tests/fixtures/picture.json, written by training/rasterizer/write_fixture.py. */
interface IPictureFixture {
    mapSize: number;
    /** px */
    edge: number;
    /** meters */
    distance: number;
    /** px */
    focal: number;
    expression: Record<string, number>;
    pose: Record<string, number>;
    /** Mean and height of the waves of each channel. */
    static: [number, number][];
    delta: [number, number][];
    /** u16 [4,edge,edge] in base64: color over grey 0.5, coverage. */
    picture: string;
}

describe("the picture of the training rasteriser", () => {
    it("is that of the reference which the renderer is measured against", async () => {
        const fixture = (await (await fetch("/repo/tests/fixtures/picture.json")).json()) as IPictureFixture;
        const model = ParseHeadModel(await (await fetch("/repo/assets/models/open-head.bin")).arrayBuffer());
        const { mapSize, edge, distance, focal } = fixture;
        const waves = (channels: [number, number][]): Float32Array =>
            Float32Array.from({ length: channels.length * mapSize ** 2 }, (_, i) => {
                const [c, texel] = [Math.floor(i / mapSize ** 2), i % mapSize ** 2];
                return channels[c][0] + channels[c][1] * Math.sin((0.7 + 0.31 * c) * texel + c);
            });
        const pose = CreateExpressionPose(model);
        Object.entries(fixture.expression).forEach(
            ([name, weight]) => (pose.expression[ExpressionIndex(model, name)] = weight),
        );
        Object.entries(fixture.pose).forEach(([index, angle]) => (pose.pose[Number(index)] = angle));
        const state = {
            table: BuildTexelTable(model, mapSize),
            ...PoseVerticesReference(model, pose),
            staticMap: waves(fixture.static),
            deltas: [{ map: waves(fixture.delta), weight: 1 }],
        };
        const view = {
            worldFromPosed: Translation(0, 0, 0),
            viewFromWorld: Translation(0, 0, -distance),
            clipFromView: Perspective((2 * focal) / edge, 1, 0.05, 20, true),
            viewportWidthPx: edge,
            viewportHeightPx: edge,
            rightHanded: true,
        };
        const pictureOf = (compensateOpacity: boolean): number[] => {
            const splats = SplatProjectReference(state, { ...view, compensateOpacity }).filter(
                ({ visible }) => visible,
            );
            const image = RasterizeReference(
                splats.sort((a, b) => b.viewDepth - a.viewDepth),
                edge,
                edge,
            );
            return Array.from(image, (value, i) => (i % 4 === 3 ? value : value + 0.5 * (1 - image[i - (i % 4) + 3])));
        };
        const words = new Uint16Array(
            Uint8Array.from(atob(fixture.picture), (character) => character.charCodeAt(0)).buffer,
        );
        const wanted = Array.from(words, (_, i) => words[(i % 4) * edge ** 2 + Math.floor(i / 4)] / 65535);
        const psnr = Psnr(pictureOf(false), wanted);
        console.log(`PSNR ${psnr.toFixed(1)} dB`);
        expect(wanted.filter((value, i) => i % 4 === 3 && value > 0.5).length).toBeGreaterThan(0.2 * edge ** 2);
        expect(psnr).toBeGreaterThan(70);
        expect(Psnr(pictureOf(true), wanted))
            .withContext("another anti-aliasing")
            .toBeLessThan(40);
    });
});
