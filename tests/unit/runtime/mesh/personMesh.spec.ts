import { ExpressVertices } from "../../../../src/flame/blendshapes";
import { CreateExpressionPose, EffectivePose } from "../../../../src/flame/expression";
import type { HeadModel } from "../../../../src/flame/headModel";
import { JointMatrices, SkinVertices } from "../../../../src/flame/skinning";
import { FacesOfTexels } from "../../../../src/flame/texelTable";
import { SkinOf } from "../../../../src/runtime/mesh/meshGlb";
import { CheckMeshSettings } from "../../../../src/runtime/mesh/meshFile";
import {
    FacePart,
    MorphTargetOf,
    SolidFaces,
    type IMappedModel,
    type IMeshPart,
} from "../../../../src/runtime/mesh/personMesh";
import { Finish } from "../../../../src/runtime/slices";
import { OpenHeadAsync } from "../../../support/heads";

const MapSize = 64;

describe("a person's face as a mesh", () => {
    let model: HeadModel;
    let mapped: IMappedModel;
    let face: IMeshPart;

    beforeAll(async () => {
        model = await OpenHeadAsync();
        const texels = MapSize ** 2;
        const map = Float32Array.from({ length: 14 * texels }, (_, i) => {
            const means = [0.002, -0.003, 0.004, 4, 0.6, 0.5, 0.4, -5.5, -5.5, -8, 0, 0, 0, 1];
            return means[Math.floor(i / texels)];
        });
        mapped = { model, mapSize: MapSize, map };
        face = Finish(FacePart(mapped, 128, true));
    });

    it("is the head where the person's Gaussians are, split at the seams of the atlas", () => {
        const { mesh, vertices } = face;
        expect(mesh.source.length).toBeGreaterThan(model.vertexCount);
        const split = Math.max(...mesh.indices.subarray(0, 3 * model.faceCount)) + 1;
        mesh.source.subarray(0, split).forEach((vertex, i) => {
            for (let axis = 0; axis < 3; axis++) {
                expect(mesh.positions[3 * i + axis]).toBe(vertices[3 * vertex + axis]);
            }
        });
        const nose = 3 * model.faces[3 * model.mediaPipeFace[1]];
        [0.002, -0.003, 0.004].forEach((offset, axis) =>
            expect(vertices[nose + axis] - model.template[nose + axis]).toBeCloseTo(offset, 3),
        );
    });

    it("ends with its neck where there is no bust", () => {
        const alone = Finish(FacePart(mapped, 128, false)).mesh;
        expect(alone.indices.length).toBe(3 * model.faceCount);
        expect(alone.indices).toEqual(face.mesh.indices.slice(0, 3 * model.faceCount));
    });

    it("goes on below the open end of its neck, where the bust begins", () => {
        const { mesh } = face;
        const skirt = mesh.indices.subarray(3 * model.faceCount);
        const split = Math.max(...mesh.indices.subarray(0, 3 * model.faceCount)) + 1;
        expect(skirt.length).toBeGreaterThan(3 * 2 * 20);
        const half = (mesh.source.length - split) / 2;
        for (let vertex = split; vertex < mesh.source.length; vertex++) {
            const rim = 3 * mesh.source[vertex];
            const down = vertex < split + half ? 0.006 : 0.036;
            expect(face.vertices[rim + 1] - mesh.positions[3 * vertex + 1]).toBeCloseTo(down, 5);
            expect(Math.abs(mesh.positions[3 * vertex])).toBeLessThanOrEqual(Math.abs(face.vertices[rim]));
            expect(face.vertices[rim + 1]).toBeLessThan(model.joints[1] + 0.1);
        }
        expect(Math.max(...skirt)).toBe(mesh.source.length - 1);
    });

    it("takes the color of its neck down to the end and below it, not that of the mouth beside it in the atlas", () => {
        const edge = 1024;
        const { faceOfTexel } = FacesOfTexels(model, edge);
        const { mesh } = face;
        const skirt = new Set(mesh.indices.subarray(3 * model.faceCount));
        const found = new Set<string>();
        for (const vertex of skirt) {
            const [column, row] = [mesh.uvs[2 * vertex], 1 - mesh.uvs[2 * vertex + 1]].map((share) =>
                Math.floor(share * edge),
            );
            for (let y = row - 5; y <= row + 5; y++) {
                for (let x = Math.max(0, column - 5); x <= Math.min(edge - 1, column + 5); x++) {
                    const at = faceOfTexel[y * edge + x];
                    if (at >= 0) {
                        found.add(model.regions[model.faceRegion[at]]);
                    }
                }
            }
        }
        expect([...found]).toEqual(["neck"]);
    });

    it("knows which faces hide all that is behind them", () => {
        const { edge, rgba } = face.texture;
        expect(SolidFaces(face).length).toBeGreaterThan(model.faceCount / 2);
        const upper = rgba
            .slice()
            .fill(255, 0, rgba.length / 2)
            .fill(0, rgba.length / 2);
        const solid = SolidFaces({ ...face, texture: { edge, rgba: upper } });
        const isSolid = new Set(solid);
        const { uvs, indices } = face.mesh;
        for (let i = 0; i < indices.length; i += 3) {
            const lowest = Math.min(...[0, 1, 2].map((k) => uvs[2 * indices[i + k] + 1]));
            expect(isSolid.has(i / 3)).toBe(lowest > 0.5);
        }
    });

    for (const turnsJoints of [false, true]) {
        it(`has targets that are the expression at full strength ${turnsJoints ? "with" : "without"} its joints`, () => {
            for (const name of ["jawOpen", "eyeBlinkLeft", "eyeLookUpRight", "mouthSmileLeft"]) {
                const expression = model.expressions.indexOf(name);
                const pose = CreateExpressionPose(model);
                pose.expression[expression] = 1;
                const wanted = ExpressVertices(
                    model,
                    pose.expression,
                    new Float32Array(3 * model.vertexCount),
                    face.vertices,
                );
                if (turnsJoints) {
                    const turns = EffectivePose(model, pose, new Float32Array(15));
                    SkinVertices(model, wanted, JointMatrices(turns, model.joints, new Float32Array(60)), wanted);
                }
                const { indices, offsets } = MorphTargetOf(face, expression, turnsJoints);
                const split = Math.max(...face.mesh.indices.subarray(0, 3 * model.faceCount)) + 1;
                const moved = face.mesh.positions.slice();
                indices.forEach((vertex, i) => {
                    for (let axis = 0; axis < 3; axis++) {
                        moved[3 * vertex + axis] += offsets[3 * i + axis];
                    }
                });
                let farthest = 0;
                face.mesh.source.subarray(0, split).forEach((vertex, i) => {
                    for (let axis = 0; axis < 3; axis++) {
                        farthest = Math.max(farthest, Math.abs(moved[3 * i + axis] - wanted[3 * vertex + axis]));
                    }
                });
                expect(farthest).withContext(name).toBeLessThan(2e-6);
                expect(indices.every((vertex, i) => i === 0 || vertex > indices[i - 1])).toBeTrue();
            }
        });
    }

    it("has four joints per vertex whose weights sum to 255 and are the model's", () => {
        const { joints, weights } = SkinOf(model, face.mesh);
        face.mesh.source.forEach((vertex, i) => {
            let sum = 0;
            for (let k = 0; k < 4; k++) {
                const weight = weights[4 * i + k];
                sum += weight;
                const own = model.weights[5 * vertex + joints[4 * i + k]];
                expect(Math.abs(weight - own)).toBeLessThanOrEqual(weight > 0 ? 3 : 255);
            }
            expect(sum).toBe(255);
        });
    });

    it("refuses sizes of textures that are none", () => {
        for (const textureSize of [64, 4096, 256.5, NaN]) {
            expect(() => CheckMeshSettings({ textureSize })).toThrowError(/textureSize/);
        }
        expect(() => CheckMeshSettings({ hair: "scalp" as unknown as boolean })).toThrowError(/hair/);
        expect(() => CheckMeshSettings({ textureSize: 512 })).not.toThrow();
    });
});
