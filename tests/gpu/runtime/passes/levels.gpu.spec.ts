// Levels of detail: coarse Gaussians as means, drawn alone and while two levels are faded.
import { BuildLevels, type Level } from "../../../../src/flame/levels";
import { RegionShift } from "../../../../src/flame/texelTable";
import { OccluderOffsetLayout, PackedAttributesLayout } from "../../../../src/runtime/layout";
import {
    AvatarBuffers,
    HeadBuffers,
    SplatPipeline,
    ViewBuffers,
    type ICameraSettings,
} from "../../../../src/runtime/passes";
import { ActivateGaussian } from "../../../../src/runtime/reference/activate";
import { CoarsenReference } from "../../../../src/runtime/reference/coarsen";
import { RoundDeltaMap, RoundStaticMap } from "../../../../src/runtime/reference/packMaps";
import { PoseVerticesReference } from "../../../../src/runtime/reference/poseVertices";
import { ProjectGaussian } from "../../../../src/runtime/reference/splatProject";
import { ExpectNoGpuErrors, GetDevice, Random, Submit } from "../../../support/gpu";
import { FrontalCamera, Scaling } from "../../../support/matrices";
import { ReadRecords } from "../../../support/records";
import { RandomDeltaMap, RandomExpression, RandomStaticMap, SyntheticTables } from "../../../support/syntheticHead";

const size = 128;
const camera = FrontalCamera(0.9, size);
const worldFromPosed = Scaling(1, 1, -1);

describe("levels of detail", () => {
    const random = Random(91);
    const { model, table, positionTable } = SyntheticTables(random, 40);
    const levels = BuildLevels(model, table);
    const staticMap = RoundStaticMap(RandomStaticMap(40, random));
    const delta = RoundDeltaMap(RandomDeltaMap(40, random));
    const pose = RandomExpression(model, random, 0.2);
    let device: GPUDevice;
    let pipeline: SplatPipeline;
    let head: HeadBuffers;
    let avatar: AvatarBuffers;

    beforeAll(async () => {
        device = await GetDevice();
        pipeline = await SplatPipeline.CreateAsync(device, { sort: "counting" });
        head = new HeadBuffers(device, model, table, positionTable);
        new AvatarBuffers(device, head).setStaticMap(RandomStaticMap(40, random)); // slot 0 is another's
        avatar = new AvatarBuffers(device, head);
        avatar.setStaticMap(staticMap);
        avatar.setDeltaMap(delta);
        avatar.setExpression(pose);
    });

    afterAll(async () => {
        await ExpectNoGpuErrors();
        avatar.dispose();
        head.dispose();
    });

    it("join every Gaussian of a level once, and only neighbours of one region", () => {
        for (const level of [1, 2] as const) {
            const joined: number[] = [];
            for (let i = levels.start[level] - levels.start[1]; i < levels.start[level + 1] - levels.start[1]; i++) {
                const members = Array.from({ length: 16 }, (_, bit) => levels.first[i] + bit).filter(
                    (_, bit) => (levels.mask[i] >> bit) & 1,
                );
                joined.push(...members);
                expect(members).toContain(levels.anchor[i]);
                expect(new Set(members.map((g) => table.flags[g] >> RegionShift)).size).toBe(1);
                const blocks = members.map((g) =>
                    [Math.floor(table.texel[g] / 40) >> level, (table.texel[g] % 40) >> level].join(),
                );
                expect(new Set(blocks).size).toBe(1);
            }
            expect(joined.sort((a, b) => a - b)).toEqual([...table.texel.keys()]);
            const count = levels.start[level + 1] - levels.start[level];
            expect(count).toBeLessThan((1.6 * table.gaussianCount) / 4 ** level);
        }
    });

    async function Records(members: { level: Level; share: number }[]): ReturnType<typeof ReadRecords> {
        const view = new ViewBuffers(device, avatar.fadingCount, members.length);
        const shown = members.map((member) => ({ avatar, worldFromPosed, opacity: 0.9, ...member }));
        Submit(device, (encoder) => pipeline.prepareCrowd(encoder, shown, view, camera));
        const records = await ReadRecords(device, view, size, size);
        view.dispose();
        return records;
    }

    function Expected(level: Level): ReturnType<typeof ProjectGaussian>[] {
        const { expressed, jointMatrices } = PoseVerticesReference(model, pose);
        const coarse = CoarsenReference(model, table, levels, staticMap, level);
        const state = {
            table,
            expressed,
            jointMatrices,
            staticMap: coarse.staticMap,
            deltas: [{ map: delta, weight: 1 }],
            opacity: 0.9,
        };
        const view = { ...camera, worldFromPosed } as Required<ICameraSettings> & { worldFromPosed: number[] };
        return coarse.gaussians.map((g) => ProjectGaussian(ActivateGaussian(state, g), view));
    }

    for (const level of [0, 1, 2] as const) {
        it(`${level} are projected as the reference projects the means`, async () => {
            const expected = Expected(level);
            const records = await Records([{ level, share: 1 }]);
            expect(expected.length).toBe(avatar.gaussiansAt(level));
            let compared = 0;
            expected.forEach((splat, i) => {
                if (splat.margin < 1e-3) {
                    return;
                }
                expect(records[i].visible).withContext(`visible ${i}`).toBe(splat.visible);
                if (splat.visible) {
                    compared++;
                    expect(
                        Math.hypot(
                            records[i].centerPx[0] - splat.centerPx[0],
                            records[i].centerPx[1] - splat.centerPx[1],
                        ),
                    )
                        .withContext(`center ${i}`)
                        .toBeLessThan(0.05);
                    expect(Math.abs(records[i].alpha - splat.alpha))
                        .withContext(`alpha ${i}`)
                        .toBeLessThan(0.004);
                    splat.color.forEach((value, c) =>
                        expect(Math.abs(records[i].color[c] - value)).toBeLessThan(0.004),
                    );
                    expect(Math.abs(records[i].covariancePx[0] / splat.covariancePx[0] - 1))
                        .withContext(`width ${i}`)
                        .toBeLessThan(0.03);
                }
            });
            expect(compared).toBeGreaterThan(0.5 * expected.length);
        });
    }

    it("that are faded let through together what one lets through, and lie behind each other in the records", async () => {
        const [fine, coarse] = [await Records([{ level: 0, share: 1 }]), await Records([{ level: 1, share: 1 }])];
        const both = await Records([
            { level: 1, share: 0.3 },
            { level: 0, share: 0.7 },
        ]);
        const own = avatar.gaussiansAt(1);
        const through = (alpha: number, share: number): number => 1 - Math.max(1 - alpha, 0.003) ** share;
        let compared = 0;
        for (const [records, start, share] of [
            [coarse, 0, 0.3],
            [fine, own, 0.7],
        ] as const) {
            const count = start === 0 ? own : avatar.gaussianCount;
            for (let i = 0; i < count; i++) {
                const faded = both[start + i];
                if (records[i].visible && faded.visible) {
                    compared++;
                    expect(Math.abs(faded.alpha - through(records[i].alpha, share))).toBeLessThan(0.004);
                }
            }
        }
        expect(compared).toBeGreaterThan(0.5 * avatar.fadingCount);
    });

    it("cost an instance nothing, and a person a third more", () => {
        const before = head.byteLength;
        const twin = new AvatarBuffers(device, head, avatar);
        expect(head.persons.usedCount).toBe(2);
        const occluder = OccluderOffsetLayout.byteLength * head.model.vertexCount;
        expect(head.persons.slotByteLength).toBe(PackedAttributesLayout.byteLength * levels.start[3] + occluder);
        expect(levels.start[3]).toBeLessThan(1.5 * table.gaussianCount);
        expect(head.byteLength - before).toBe(head.avatars.slotByteLength);
        twin.dispose();
    });
});
