// Splats against the reference's Gaussians: same places, same covariances, mirrored where asked.
import { CreateExpressionPose, EffectivePose } from "../../../../src/flame/expression";
import { PoseLength } from "../../../../src/flame/headModel";
import { JointMatrices, JointMatricesLength } from "../../../../src/flame/skinning";
import { SplatByteLength, WriteSplats } from "../../../../src/runtime/format/splatFile";
import { ActivateGaussian } from "../../../../src/runtime/reference/activate";
import { PoseVerticesReference } from "../../../../src/runtime/reference/poseVertices";
import { Random } from "../../../support/gpu";
import { RandomDeltaMap, RandomStaticMap, SyntheticTables } from "../../../support/syntheticHead";

const MapSize = 24;

function Covariance(quaternion: readonly number[], scale: readonly number[]): number[] {
    const [x, y, z, w] = quaternion;
    const rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ];
    return rows.flatMap((a) => rows.map((b) => a.reduce((sum, value, k) => sum + value * b[k] * scale[k] ** 2, 0)));
}

describe("WriteSplats", () => {
    for (const leftHanded of [false, true]) {
        it(`writes what the reference activates${leftHanded ? ", mirrored" : ""}`, () => {
            const random = Random(3);
            const { model: head, table } = SyntheticTables(random, MapSize, 8);
            const staticMap = RandomStaticMap(MapSize, random);
            const deltaMap = RandomDeltaMap(MapSize, random);
            const pose = CreateExpressionPose(head);
            pose.expression.forEach((_, e) => (pose.expression[e] = random()));
            pose.pose.forEach((_, i) => (pose.pose[i] = 0.4 * random() - 0.2));
            const bytes = WriteSplats({ head, table, staticMap, deltaMap, pose }, leftHanded);

            const jointMatrices = new Float32Array(JointMatricesLength);
            JointMatrices(EffectivePose(head, pose, new Float32Array(PoseLength)), head.joints, jointMatrices);
            const { expressed } = PoseVerticesReference(head, pose);
            const state = { table, expressed, jointMatrices, staticMap, deltas: [{ map: deltaMap, weight: 1 }] };
            const wanted = Array.from({ length: table.gaussianCount }, (_, g) => ActivateGaussian(state, g)).filter(
                ({ opacity }) => opacity >= 1 / 255,
            );
            expect(bytes.byteLength).toBe(SplatByteLength * wanted.length);
            expect(wanted.length).toBeGreaterThan(50);
            const mirror = leftHanded ? -1 : 1;
            let worstPlace = 0;
            let worstShape = 0;
            wanted.forEach((gaussian, n) => {
                const floats = [...new Float32Array(bytes, SplatByteLength * n, 6)];
                const octets = [...new Uint8Array(bytes, SplatByteLength * n + 24, 8)];
                const place = [mirror * gaussian.mean[0], gaussian.mean[1], gaussian.mean[2]];
                worstPlace = Math.max(worstPlace, ...place.map((value, axis) => Math.abs(value - floats[axis])));
                const raw = [5, 6, 7, 4].map((at) => octets[at] / 127.5 - 1);
                const length = Math.hypot(...raw);
                const shape = Covariance(
                    raw.map((value) => value / length),
                    floats.slice(3),
                );
                const size = Math.max(...floats.slice(3)) ** 2;
                const flip = [mirror, 1, 1];
                shape.forEach((value, at) => {
                    const row = Math.floor(at / 3);
                    const truth = flip[row] * flip[at % 3] * gaussian.covariance[row][at % 3];
                    worstShape = Math.max(worstShape, Math.abs(value - truth) / size);
                });
                gaussian.color.forEach((value, k) =>
                    expect(Math.abs(255 * value - octets[k])).toBeLessThanOrEqual(0.51),
                );
                expect(Math.abs(255 * gaussian.opacity - octets[3])).toBeLessThanOrEqual(0.51);
            });
            expect(worstPlace).toBeLessThan(1e-5);
            expect(worstShape).toBeLessThan(0.03); // quaternions of 8 bit
        });
    }
});
