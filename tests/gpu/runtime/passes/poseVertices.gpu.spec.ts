import { CreateExpressionPose } from "../../../../src/flame/expression";
import { AvatarBuffers, HeadBuffers, SplatPipeline } from "../../../../src/runtime/passes";
import { PositionMapReference } from "../../../../src/runtime/reference/positionMap";
import { PoseVerticesReference } from "../../../../src/runtime/reference/poseVertices";
import { ExpectClose, ExpectNoGpuErrors, GetDevice, Random, ReadBuffer, Submit } from "../../../support/gpu";
import { RandomExpression, SyntheticTables } from "../../../support/syntheticHead";

/** Positions of an avatar's expressed vertices. */
async function ExpressedAsync(device: GPUDevice, { head, slot }: AvatarBuffers): Promise<Float32Array> {
    const { buffer, offset, size } = head.avatars.binding("expressed", slot);
    const all = await ReadBuffer(device, buffer);
    return new Float32Array(all, offset, size / 4).filter((_, i) => i % 4 !== 3);
}

describe("poseVertices and positionMap", () => {
    let device: GPUDevice;
    let pipeline: SplatPipeline;
    let head: HeadBuffers;
    let avatar: AvatarBuffers;
    const random = Random(11);
    const { model, table, positionTable } = SyntheticTables(random, 16);

    beforeAll(async () => {
        device = await GetDevice();
        pipeline = await SplatPipeline.CreateAsync(device);
        head = new HeadBuffers(device, model, table, positionTable);
        avatar = new AvatarBuffers(device, head);
    });

    afterAll(async () => {
        await ExpectNoGpuErrors();
        avatar.dispose();
        head.dispose();
    });

    it("returns the template at rest", async () => {
        avatar.setExpression(CreateExpressionPose(model));
        Submit(device, (encoder) => pipeline.poseVertices(encoder, avatar));
        expect(avatar.isPosed).toBeTrue();
        expect(await ExpressedAsync(device, avatar)).toEqual(model.template);
    });

    it("poses like the reference", async () => {
        for (let round = 0; round < 3; round++) {
            const pose = RandomExpression(model, random);
            avatar.setExpression(pose);
            Submit(device, (encoder) => pipeline.poseVertices(encoder, avatar));
            expect(avatar.isPosed).toBeTrue();
            const { expressed } = PoseVerticesReference(model, pose);
            // meters
            ExpectClose("expressed", await ExpressedAsync(device, avatar), expressed, { relative: 1e-5, floor: 1e-7 });
        }
    });

    it("adds pose correctives like the reference, where a head model has them", async () => {
        const entries = 36 * 5;
        const corrected = {
            ...model,
            correctiveCount: 36,
            correctiveStart: Uint32Array.from({ length: 37 }, (_, c) => 5 * c),
            correctiveVertex: Uint16Array.from({ length: entries }, (_, k) => (7 * k) % model.vertexCount),
            correctiveDelta: Int16Array.from({ length: 3 * entries }, () => 30000 * (2 * random() - 1)),
            correctiveScale: new Float32Array(36).fill(1e-6),
        };
        const other = new HeadBuffers(device, corrected, table, positionTable);
        const bent = new AvatarBuffers(device, other);
        const pose = RandomExpression(corrected, random);
        pose.pose.set([0.4, -0.3, 0.2, 0.5, 0.1, -0.2], 3);
        bent.setExpression(pose);
        Submit(device, (encoder) => pipeline.poseVertices(encoder, bent));
        const { expressed } = PoseVerticesReference(corrected, pose);
        const without = PoseVerticesReference(model, pose).expressed;
        expect(expressed.some((value, i) => Math.abs(value - without[i]) > 1e-3)).toBeTrue();
        ExpectClose("expressed", await ExpressedAsync(device, bent), expressed, { relative: 1e-5, floor: 1e-7 });
        bent.dispose();
        other.dispose();
    });

    it("poses several avatars in one dispatch, those that changed and no other", async () => {
        const crowd = [0, 1, 2, 3].map(() => new AvatarBuffers(device, head));
        const poses = crowd.map(() => RandomExpression(model, random));
        crowd.forEach((member, i) => member.setExpression(poses[i]));
        const before = pipeline.dispatches;
        Submit(device, (encoder) => pipeline.poseVertices(encoder, [crowd[0], crowd[1], crowd[3]]));
        expect(pipeline.dispatches - before).toBe(1);
        expect(crowd.map(({ isPosed }) => isPosed)).toEqual([true, true, false, true]);
        for (const i of [0, 1, 3]) {
            const { expressed } = PoseVerticesReference(model, poses[i]);
            ExpectClose(`avatar ${i}`, await ExpressedAsync(device, crowd[i]), expressed, {
                relative: 1e-5,
                floor: 1e-7,
            });
        }
        expect((await ExpressedAsync(device, crowd[2])).every((x) => x === 0)).toBeTrue();
        crowd.forEach((member) => member.dispose());
    });

    it("keeps every posed vertex inside the bounds", async () => {
        const pose = RandomExpression(model, random, 0.8);
        avatar.setExpression(pose);
        const { posed } = PoseVerticesReference(model, pose);
        const { min, max } = avatar.bounds;
        posed.forEach((x, i) => {
            if (!(x >= min[i % 3] && x <= max[i % 3])) {
                fail(`vertex ${Math.floor(i / 3)} has ${x} on axis ${i % 3}, outside ${min[i % 3]}…${max[i % 3]}`);
            }
        });
        expect(max[0] - min[0]).toBeLessThan(0.6); // and the box is not absurdly large: the head is 0.24 m high
    });

    it("samples the position map like the reference and clears invalid texels", async () => {
        const size = 3 * positionTable.mapSize ** 2;
        const out = device.createBuffer({
            size: 4 * size,
            usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC,
        });
        device.queue.writeBuffer(out, 0, new Float32Array(size).fill(7));
        const pose = RandomExpression(model, random);
        avatar.setExpression(pose);
        Submit(device, (encoder) => {
            pipeline.poseVertices(encoder, avatar);
            pipeline.positionMap(encoder, avatar, out);
        });
        const expected = PositionMapReference(model, positionTable, pose, new Float32Array(size));
        const actual = new Float32Array(await ReadBuffer(device, out));
        // In units of positionMapScale. Barycentrics have 16 bits: half a step of them over a triangle of 1 cm is 5e-7
        // of it.
        ExpectClose("positionMap", actual, expected, { relative: 1e-5, floor: 5e-6 });
        positionTable.gaussianOfTexel.forEach((gaussian, texel) => gaussian < 0 && expect(actual[texel]).toBe(0));
        expect(positionTable.gaussianCount).toBeLessThan(positionTable.mapSize ** 2);
        out.destroy();
    });

    it("leaves neck and global out of the position map", async () => {
        const size = 3 * positionTable.mapSize ** 2;
        const out = device.createBuffer({
            size: 4 * size,
            usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC,
        });
        const maps: Float32Array[] = [];
        for (const turn of [0, 0.5]) {
            const pose = CreateExpressionPose(model);
            pose.pose.fill(turn, 0, 6);
            pose.pose[6] = 0.2; // the jaw turns both times
            avatar.setExpression(pose);
            Submit(device, (encoder) => {
                pipeline.poseVertices(encoder, avatar);
                pipeline.positionMap(encoder, avatar, out);
            });
            maps.push(new Float32Array(await ReadBuffer(device, out)));
        }
        expect(maps[1]).toEqual(maps[0]);
        out.destroy();
    });
});
