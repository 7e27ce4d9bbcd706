import { CreateExpressionPose } from "../../../src/flame/expression";
import { AvatarBuffers, HeadBuffers, SplatPipeline } from "../../../src/runtime/passes";
import { PositionMapReference } from "../../../src/runtime/reference/positionMap";
import { PoseVerticesReference } from "../../../src/runtime/reference/poseVertices";
import { ExpectClose, ExpectNoGpuErrors, GetDevice, Random, ReadBuffer, Submit } from "./gpu";
import { RandomExpression, SyntheticTables } from "./syntheticHead";

/** The first three of each four numbers. */
function Xyz(data: ArrayBuffer): Float32Array {
    return new Float32Array(data).filter((_, i) => i % 4 !== 3);
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
        expect(Xyz(await ReadBuffer(device, avatar.expressed))).toEqual(model.template);
        // The joints' offsets cancel only up to rounding.
        ExpectClose("posed", Xyz(await ReadBuffer(device, avatar.posed)), model.template, { relative: 1e-6, floor: 1e-7 });
    });

    it("poses like the reference", async () => {
        for (let round = 0; round < 3; round++) {
            const pose = RandomExpression(model, random);
            avatar.setExpression(pose);
            Submit(device, (encoder) => pipeline.poseVertices(encoder, avatar));
            const expected = PoseVerticesReference(model, pose);
            const limit = { relative: 1e-5, floor: 1e-7 }; // meters
            ExpectClose("expressed", Xyz(await ReadBuffer(device, avatar.expressed)), expected.expressed, limit);
            ExpectClose("posed", Xyz(await ReadBuffer(device, avatar.posed)), expected.posed, limit);
            ExpectClose("driving", Xyz(await ReadBuffer(device, avatar.driving)), expected.driving, limit);
        }
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
        ExpectClose("positionMap", actual, expected, { relative: 1e-5, floor: 2e-6 }); // in units of positionMapScale
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
