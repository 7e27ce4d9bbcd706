// Points of the skin against the Gaussians of the reference, on the real head model with a person made of smooth waves.
import { CreateExpressionPose, type ExpressionPose } from "../../../../src/flame/expression";
import { ParseHeadModel, type HeadModel } from "../../../../src/flame/headModel";
import { VertexNormals } from "../../../../src/flame/normals";
import { PersonalVertices } from "../../../../src/flame/personalHead";
import { BuildTexelTable, RegionShift, type TexelTable } from "../../../../src/flame/texelTable";
import { HeadSurface } from "../../../../src/plugin/attach/headSurface";
import { SurfaceAnchor } from "../../../../src/plugin/attach/surfaceAnchor";
import { FindPlace, SurfaceLandmarks, UvOfPlace } from "../../../../src/plugin/attach/surfacePlaces";
import { ActivateGaussian } from "../../../../src/runtime/reference/activate";
import { PoseVerticesReference } from "../../../../src/runtime/reference/poseVertices";
import { Random } from "../../../support/gpu";
import { HeadBytesAsync } from "../../../support/fakeNetworks";

const MapSize = 128;
/** Height of the waves, meters, and their number per meter. */
const Wave = 0.012;
const PerMeter = 25;

/** How far this person differs from the template at a point. */
function WaveAt(x: number, y: number, z: number): number[] {
    return [Wave * Math.sin(PerMeter * y), Wave * Math.cos(PerMeter * z), Wave * Math.sin(PerMeter * (x + y))];
}

/** A person whose identity is waves over the template; opaque Gaussians. */
function WavyMap(model: HeadModel, table: TexelTable): Float32Array {
    const texels = MapSize * MapSize;
    const map = new Float32Array(14 * texels);
    for (let g = 0; g < table.gaussianCount; g++) {
        const point = [0, 1, 2].map((axis) =>
            [0, 1, 2].reduce(
                (sum, k) => sum + table.bary[3 * g + k] * model.template[3 * table.corners[3 * g + k] + axis],
                0,
            ),
        );
        WaveAt(point[0], point[1], point[2]).forEach((value, axis) => (map[axis * texels + table.texel[g]] = value));
        map[3 * texels + table.texel[g]] = 4;
        map[13 * texels + table.texel[g]] = 1;
    }
    return map;
}

/** Expressions up to full strength, jaw open up to 20°, head and eyes turned up to 40°. */
function RandomPose(model: HeadModel, random: () => number): ExpressionPose {
    const pose = CreateExpressionPose(model);
    for (let e = 0; e < model.expressionCount; e++) {
        pose.expression[e] = random() < 0.2 ? random() : 0;
    }
    for (let i = 0; i < 3; i++) {
        pose.pose[3 + i] = 0.7 * (2 * random() - 1);
        pose.pose[9 + i] = pose.pose[12 + i] = 0.2 * (2 * random() - 1);
    }
    pose.pose[6] = 0.35 * random();
    return pose;
}

describe("the personal skin", () => {
    let model: HeadModel;
    let table: TexelTable;
    let staticMap: Float32Array;
    const random = Random(21);
    beforeAll(async () => {
        model = ParseHeadModel((await HeadBytesAsync()).slice().buffer);
        table = BuildTexelTable(model, MapSize);
        staticMap = WavyMap(model, table);
    });

    it("is where the person's Gaussians are, at every vertex", () => {
        const vertices = PersonalVertices(model, table, staticMap);
        const seen = [...new Set(table.corners)];
        const errors = seen.map((vertex) => {
            const [x, y, z] = model.template.subarray(3 * vertex, 3 * vertex + 3);
            return Math.hypot(
                ...WaveAt(x, y, z).map((wave, i) => wave + model.template[3 * vertex + i] - vertices[3 * vertex + i]),
            );
        });
        expect(seen.length).toBeGreaterThan(0.9 * model.vertexCount);
        // Rims and vertices between texels, where Gaussians lie on one side only, are less sure.
        expect(errors.filter((error) => error > 0.001).length).toBeLessThan(0.03 * seen.length);
        expect(Math.max(...errors)).toBeLessThan(0.005);
        expect(Number.isFinite(vertices.reduce((a, b) => a + b))).toBeTrue();
    });

    it("ignores transparent Gaussians and fills what nobody covers", () => {
        const texels = MapSize * MapSize;
        const altered = staticMap.slice();
        const scalp = model.regions.indexOf("scalp");
        for (let g = 0; g < table.gaussianCount; g++) {
            if (table.flags[g] >> RegionShift === scalp) {
                altered[3 * texels + table.texel[g]] = -9;
                altered[table.texel[g]] = 0.4;
            }
        }
        const [vertices, before] = [PersonalVertices(model, table, altered), PersonalVertices(model, table, staticMap)];
        const farthest = vertices.reduce((most, value, i) => Math.max(most, Math.abs(value - before[i])), 0);
        expect(farthest).toBeGreaterThan(0);
        expect(farthest).toBeLessThan(2.5 * Wave);
    });

    it("carries a point within a millimeter of the Gaussian there, through expressions, jaw, eyes and head turns", () => {
        const surface = new HeadSurface(model, { staticMap, mapSize: MapSize });
        const poses = Array.from({ length: 8 }, () => RandomPose(model, random));
        const heads = poses.map((pose) => PoseVerticesReference(model, pose));
        const gaussians = Array.from({ length: 160 }, () => Math.floor(random() * table.gaussianCount));
        let [worst, moved, worstTurn] = [0, 0, 0];
        const normals = poses.map((pose) => {
            const vertices = surface.poseVertices(pose, new Float32Array(3 * model.vertexCount));
            return VertexNormals(model, vertices);
        });
        for (const g of gaussians) {
            const [row, column] = [Math.floor(table.texel[g] / MapSize), table.texel[g] % MapSize];
            const place = FindPlace(model, { u: (column + 0.5) / MapSize, v: 1 - (row + 0.5) / MapSize });
            const normalAt = (all: ArrayLike<number>): number[] => {
                const sum = [0, 1, 2].map((axis) =>
                    [0, 1, 2].reduce((s, k) => s + place.bary[k] * all[3 * model.faces[3 * place.face + k] + axis], 0),
                );
                return sum.map((value) => value / Math.hypot(...sum));
            };
            const rest = normalAt(surface.restNormals);
            // Any rotation whose third column is the normal will do.
            const side = Math.abs(rest[0]) < 0.8 ? [1, 0, 0] : [0, 1, 0];
            const along = rest.reduce((sum, value, i) => sum + value * side[i], 0);
            const across = side.map((value, i) => value - along * rest[i]);
            const a = across.map((value) => value / Math.hypot(...across));
            const b = [
                rest[1] * a[2] - rest[2] * a[1],
                rest[2] * a[0] - rest[0] * a[2],
                rest[0] * a[1] - rest[1] * a[0],
            ];
            const anchor = new SurfaceAnchor(surface, place, [
                a[0],
                b[0],
                rest[0],
                a[1],
                b[1],
                rest[1],
                a[2],
                b[2],
                rest[2],
            ]);
            poses.forEach((pose, p) => {
                anchor.update(pose.expression, surface.jointMatrices(pose));
                const { mean } = ActivateGaussian({ table, ...heads[p], staticMap, deltas: [] }, g);
                const error = Math.hypot(...mean.map((value, axis) => value - anchor.position[axis]));
                worst = Math.max(worst, error);
                moved = Math.max(
                    moved,
                    Math.hypot(
                        ...mean.map(
                            (value, axis) =>
                                value - ActivateGaussian({ table, ...heads[0], staticMap, deltas: [] }, g).mean[axis],
                        ),
                    ),
                );
                const [x, y, z, w] = anchor.rotation;
                const out = [2 * (x * z + w * y), 2 * (y * z - w * x), 1 - 2 * (x * x + y * y)];
                const cosine = out.reduce((sum, value, i) => sum + value * normalAt(normals[p])[i], 0);
                worstTurn += (1 - cosine) / (gaussians.length * poses.length);
            });
        }
        console.log(
            `skin anchors: worst ${(1000 * worst).toFixed(3)} mm; mean angle to the posed normal about ${((Math.acos(1 - worstTurn) * 180) / Math.PI).toFixed(1)}°`,
        );
        expect(moved).toBeGreaterThan(0.05);
        expect(worst).toBeLessThan(0.001);
        expect(worstTurn).toBeLessThan(1 - Math.cos((12 * Math.PI) / 180));
    });

    it("knows its landmarks by name and number, and says so when it does not", () => {
        for (const name of SurfaceLandmarks) {
            const place = FindPlace(model, name);
            const point = [0, 1, 2].map((axis) =>
                place.bary.reduce(
                    (sum, weight, k) => sum + weight * model.template[3 * model.faces[3 * place.face + k] + axis],
                    0,
                ),
            );
            if (name.startsWith("left") || name.startsWith("right")) {
                expect(point[0] * (name.startsWith("left") ? 1 : -1))
                    .withContext(name)
                    .toBeGreaterThan(0.01);
            }
            const again = FindPlace(model, UvOfPlace(model, place));
            const there = [0, 1, 2].map((axis) =>
                again.bary.reduce(
                    (sum, weight, k) => sum + weight * model.template[3 * model.faces[3 * again.face + k] + axis],
                    0,
                ),
            );
            expect(Math.hypot(...there.map((value, i) => value - point[i])))
                .withContext(name)
                .toBeLessThan(1e-4);
        }
        expect(FindPlace(model, 4)).toEqual(FindPlace(model, "noseTip"));
        for (const wrong of ["halo", 9999, { u: 2, v: 2 }] as never[]) {
            expect(() => FindPlace(model, wrong)).toThrowError(/has no place/);
        }
    });
});
