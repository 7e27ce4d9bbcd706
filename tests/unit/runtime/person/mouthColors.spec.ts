import { RegionShift, type TexelTable } from "../../../../src/flame/texelTable";
import { TexelTableOf } from "../../../../src/flame/personalHead";
import type { HeadModel } from "../../../../src/flame/headModel";
import { AddMouth, MouthColors, MouthPose } from "../../../../src/runtime/person/mouthColors";
import { OpenHeadAsync } from "../../../support/heads";

const MapSize = 64;
const Texels = MapSize ** 2;

describe("colors inside of the mouth", () => {
    let head: HeadModel;
    let table: TexelTable;

    beforeAll(async () => {
        head = await OpenHeadAsync();
        table = TexelTableOf(head, MapSize);
    });

    it("are those of an open mouth that smiles", () => {
        const { expression, pose } = MouthPose(head);
        const weights = Object.fromEntries(head.expressions.map((name, e) => [name, expression[e]]));
        expect(weights.jawOpen).toBeCloseTo(0.6, 6);
        expect([weights.mouthSmileLeft, weights.mouthSmileRight]).toEqual([0.5, 0.5]);
        expect(expression.reduce((sum, value) => sum + value, 0)).toBeCloseTo(1.6, 6);
        expect(pose.every((value) => value === 0)).toBeTrue();
    });

    it("are the driver's on teeth, tongue and what is behind the lips, and nothing elsewhere", () => {
        const deltaMap = Float32Array.from({ length: 14 * Texels }, (_, i) => 1 + (i % 101));
        const colors = MouthColors(head, table, deltaMap);
        const inside = new Set<string>();
        const isKnown = new Uint8Array(Texels);
        table.texel.forEach((at, g) => {
            const region = head.regions[table.flags[g] >>> RegionShift];
            isKnown[at] = 1;
            for (let c = 0; c < 3; c++) {
                const value = colors[c * Texels + at];
                if (value !== 0) {
                    inside.add(region);
                    expect(value).toBe(deltaMap[(4 + c) * Texels + at]);
                }
            }
        });
        expect([...inside].sort()).toEqual(["mouthInterior", "teethLower", "teethUpper", "tongue"]);
        expect(colors.every((value, i) => value === 0 || isKnown[i % Texels] === 1)).toBeTrue();
    });

    it("are added to the colors of a map, and to nothing else", () => {
        const map = new Float32Array(14 * Texels).fill(0.5);
        AddMouth(map, undefined);
        expect(map.every((value) => value === 0.5)).toBeTrue();
        AddMouth(map, new Float32Array(3 * Texels).fill(0.25));
        map.forEach((value, i) => {
            const channel = Math.floor(i / Texels);
            if (value !== (channel >= 4 && channel < 7 ? 0.75 : 0.5)) {
                fail(`${value} in channel ${channel}`);
            }
        });
    });
});
