// A head on the sample's character, without a GPU: the fit, the seam while the head turns, and the character's own head
// going and coming back.
import "@babylonjs/loaders/glTF";
import type { Bone } from "@babylonjs/core/Bones/bone";
import { NullEngine } from "@babylonjs/core/Engines/nullEngine";
import { LoadAssetContainerAsync } from "@babylonjs/core/Loading/sceneLoader";
import { Matrix, Quaternion, Vector3 } from "@babylonjs/core/Maths/math.vector";
import type { Mesh } from "@babylonjs/core/Meshes/mesh";
import { TransformNode } from "@babylonjs/core/Meshes/transformNode";
import { Scene } from "@babylonjs/core/scene";
import { FlexAvatarError } from "../../../../src/flame/error";
import { CreateExpressionPose } from "../../../../src/flame/expression";
import { ParseHeadModel, type HeadModel } from "../../../../src/flame/headModel";
import { CharacterAttachment, type ICharacterHead } from "../../../../src/plugin/attach/characterAttachment";
import { SkinnedMeshes } from "../../../../src/plugin/attach/characterBody";
import { FeatherMap } from "../../../../src/plugin/attach/feather";
import { HeadSurface } from "../../../../src/plugin/attach/headSurface";
import { FindNeckRing } from "../../../../src/plugin/attach/neckRing";
import { HeadBytesAsync } from "../../../support/fakeNetworks";

const MapSize = 64;
const Degree = Math.PI / 180;

/** Distance from a point to a triangle (Ericson, Real-Time Collision Detection, 5.1.5, by projection and edges). */
function DistanceToTriangle(p: Vector3, a: Vector3, b: Vector3, c: Vector3): number {
    const normal = Vector3.Cross(b.subtract(a), c.subtract(a));
    const area = normal.lengthSquared();
    if (area > 1e-20) {
        const inside = [
            [a, b],
            [b, c],
            [c, a],
        ].every(([s, e]) => Vector3.Dot(Vector3.Cross(e.subtract(s), p.subtract(s)), normal) >= 0);
        if (inside) {
            return Math.abs(Vector3.Dot(p.subtract(a), normal)) / Math.sqrt(area);
        }
    }
    return Math.min(
        ...[
            [a, b],
            [b, c],
            [c, a],
        ].map(([s, e]) => {
            const along = e.subtract(s);
            const t = Math.min(
                1,
                Math.max(0, Vector3.Dot(p.subtract(s), along) / Math.max(along.lengthSquared(), 1e-20)),
            );
            return Vector3.Distance(p, s.add(along.scale(t)));
        }),
    );
}

/** Triangles as points in the world; far ones are left out. */
function Nearby(points: Vector3[], indices: ArrayLike<number>, middle: Vector3): [Vector3, Vector3, Vector3][] {
    const triangles: [Vector3, Vector3, Vector3][] = [];
    for (let i = 0; i < indices.length; i += 3) {
        if (Vector3.Distance(points[indices[i]], middle) < 0.2) {
            triangles.push([points[indices[i]], points[indices[i + 1]], points[indices[i + 2]]]);
        }
    }
    return triangles;
}

/**
 * The largest distance of some points from a surface; triangles that begin more than `reach` away are not looked at.
 */
function Largest(from: Vector3[], to: [Vector3, Vector3, Vector3][], reach = 0.04): number {
    return Math.max(
        ...from.map((p) => {
            let least = Infinity;
            for (const [a, b, c] of to) {
                if (Vector3.DistanceSquared(p, a) < reach * reach) {
                    least = Math.min(least, DistanceToTriangle(p, a, b, c));
                }
            }
            return least;
        }),
    );
}

describe("a head on a character", () => {
    let model: HeadModel;
    let surface: HeadSurface;
    let engine: NullEngine;
    let scene: Scene;
    let mesh: Mesh;
    let root: TransformNode;
    let featherCalls: (number | null)[];
    let bustHidden: boolean[];

    beforeAll(async () => {
        model = ParseHeadModel((await HeadBytesAsync()).slice().buffer);
        surface = new HeadSurface(model, { staticMap: new Float32Array(14 * MapSize * MapSize), mapSize: MapSize });
    });
    const loadAsync = async (rightHanded = false): Promise<void> => {
        engine = new NullEngine();
        scene = new Scene(engine);
        scene.useRightHandedSystem = rightHanded;
        featherCalls = [];
        bustHidden = [];
        const container = await LoadAssetContainerAsync("/repo/samples/assets/character.glb", scene);
        container.addAllToScene();
        container.animationGroups.forEach((group) => group.stop());
        mesh = container.meshes.find(({ skeleton }) => skeleton) as Mesh;
        root = container.rootNodes[0] as TransformNode;
    };
    afterEach(() => {
        scene.dispose();
        engine.dispose();
    });
    interface IHead extends ICharacterHead {
        /** What the avatar does before each frame. */
        move: (() => void) | null;
    }
    const makeHead = (): IHead => {
        const head: IHead = {
            node: new TransformNode("head", scene),
            surface,
            carried: Quaternion.Identity(),
            feather: (ring, length) => featherCalls.push(ring ? length : null),
            hideBust: (isHidden) => bustHidden.push(isHidden),
            everyFrame: (move) => (head.move = move),
            move: null,
        };
        return head;
    };
    const bone = (name: string): Bone => mesh.skeleton!.bones.find((one) => one.name === name)!;
    const turn = (name: string, yaw: number): void => {
        const node = bone(name).getTransformNode()!;
        node.rotationQuaternion = Quaternion.RotationYawPitchRoll(yaw, 0, 0);
    };
    /** The head's vertices in the world, as `FlexAvatar` poses them. */
    const headPoints = (head: ICharacterHead): Vector3[] => {
        const pose = CreateExpressionPose(model);
        const { x, y, z, w } = head.carried;
        const angle = 2 * Math.atan2(Math.hypot(x, y, z), w);
        const axis = new Vector3(x, y, z).normalize().scale(angle);
        pose.pose.set(Math.abs(angle) > 1e-6 ? [axis.x, axis.y, axis.z] : [0, 0, 0], 3);
        const posed = surface.poseVertices(pose, new Float32Array(3 * model.vertexCount));
        const world = Matrix.Scaling(scene.useRightHandedSystem ? 1 : -1, 1, 1).multiply(
            head.node.computeWorldMatrix(true),
        );
        return Array.from({ length: model.vertexCount }, (_, v) =>
            Vector3.TransformCoordinates(Vector3.FromArray(posed, 3 * v), world),
        );
    };
    /** The body's vertices in the world, skinned. */
    const bodyPoints = (): Vector3[] => {
        const { points, bones, weights } = SkinnedMeshes(mesh, mesh.skeleton!)[0];
        mesh.skeleton!.prepare(true);
        const matrices = mesh.skeleton!.getTransformMatrices(mesh);
        const world = mesh.computeWorldMatrix(true);
        return Array.from({ length: points.length / 3 }, (_, v) => {
            const sum = Vector3.Zero();
            let total = 0;
            for (let k = 4 * v; k < 4 * v + 4; k++) {
                const moved = Vector3.TransformCoordinates(
                    Vector3.FromArray(points, 3 * v),
                    Matrix.FromArray(matrices, 16 * bones[k]),
                );
                sum.addInPlace(moved.scale(weights[k]));
                total += weights[k];
            }
            return Vector3.TransformCoordinates(sum.scale(1 / total), world);
        });
    };

    for (const rightHanded of [false, true]) {
        it(`closes the seam within a centimeter from 60° left to 60° right in a ${rightHanded ? "right" : "left"}-handed scene`, async () => {
            await loadAsync(rightHanded);
            root.position.set(0.4, 0.1, -0.3);
            root.rotation = new Vector3(0, 0.5, 0);
            const full = mesh.getIndices()!.slice();
            const head = makeHead();
            const attachment = new CharacterAttachment(head, root as Mesh, "head", {});
            const kept = mesh.getIndices()!;
            expect(attachment.fit.scale).toBeGreaterThan(0.85);
            expect(attachment.fit.scale).toBeLessThan(1.15);
            expect(attachment.fit.residual).toBeLessThan(0.004);
            // The rim of the cut: edges that lost one of their two faces.
            const edges = (indices: ArrayLike<number>): Map<string, number> => {
                const count = new Map<string, number>();
                for (let i = 0; i < indices.length; i++) {
                    const [a, b] = [indices[i], indices[i % 3 === 2 ? i - 2 : i + 1]];
                    const key = `${Math.min(a, b)},${Math.max(a, b)}`;
                    count.set(key, (count.get(key) ?? 0) + 1);
                }
                return count;
            };
            const before = edges(full);
            const cut = new Set(
                [...edges(kept)]
                    .filter(([key, count]) => before.get(key)! > count)
                    .flatMap(([key]) => key.split(",").map(Number)),
            );
            expect(cut.size).toBeGreaterThan(12);
            const ring = FindNeckRing(model, surface.rest).vertices;
            const gaps: string[] = [];
            for (const [headYaw, neckYaw] of [
                [-60, 0],
                [-30, 0],
                [0, 0],
                [30, 0],
                [60, 0],
                [30, 30],
                [-20, -40],
            ]) {
                turn("head", headYaw * Degree);
                turn("neck_01", neckYaw * Degree);
                head.move!();
                const [headAt, bodyAt] = [headPoints(head), bodyPoints()];
                const rim = ring.map((vertex) => headAt[vertex]);
                const middle = rim.reduce((sum, p) => sum.add(p)).scale(1 / rim.length);
                const toBody = Largest(rim, Nearby(bodyAt, kept, middle));
                const toHead = Largest(
                    [...cut].map((vertex) => bodyAt[vertex]),
                    Nearby(headAt, model.faces, middle),
                );
                gaps.push(`${headYaw}+${neckYaw}°: ${(1000 * toBody).toFixed(1)} / ${(1000 * toHead).toFixed(1)} mm`);
                expect(toBody).withContext(gaps.at(-1)!).toBeLessThan(0.01);
                expect(toHead).withContext(gaps.at(-1)!).toBeLessThan(0.01);
                // The face looks where the head's bone looks.
                const forward = Vector3.TransformNormal(
                    new Vector3(0, 0, 1),
                    bone("head").getTransformNode()!.computeWorldMatrix(true),
                );
                const noseTip = headAt[model.faces[3 * model.mediaPipeFace[4]]];
                const looks = noseTip.subtract(headAt[model.faces[3 * model.mediaPipeFace[10]]].add(middle).scale(0.5));
                looks.y = forward.y = 0;
                expect(Vector3.Dot(looks.normalize(), forward.normalize()))
                    .withContext(gaps.at(-1)!)
                    .toBeGreaterThan(Math.cos(8 * Degree));
            }
            console.log(
                `seam, rim to body / cut to head: ${gaps.join("; ")}; scale ${attachment.fit.scale.toFixed(3)}, necks ${(1000 * attachment.fit.residual).toFixed(1)} mm apart`,
            );
        });
    }

    it("takes the character's own head off, for this character only, and gives it back", async () => {
        await loadAsync();
        const shared = mesh.geometry!;
        const twin = mesh.clone("twin");
        const [count, positions] = [mesh.getIndices()!.length, Float32Array.from(mesh.getVerticesData("position")!)];
        const geometries = scene.geometries.length;
        expect(mesh.subMeshes[0].indexCount).toBe(count);
        const observers = mesh.onDisposeObservable.observers.length;
        const head = makeHead();
        const attachment = new CharacterAttachment(head, mesh, bone("head"), { feather: 0.03 });
        expect(mesh.getIndices()!.length).toBeLessThan(0.8 * count);
        expect(twin.getIndices()!.length).toBe(count);
        expect(featherCalls).toEqual([0.03]);
        expect(bustHidden).toEqual([true]);
        attachment.dispose();
        attachment.dispose();
        expect(featherCalls).toEqual([0.03, null]);
        expect(bustHidden).toEqual([true, false]);
        expect(mesh.geometry).toBe(shared);
        expect(mesh.getIndices()!.length).toBe(count);
        expect(mesh.subMeshes.map(({ indexCount }) => indexCount)).toEqual([count]); // what is drawn
        expect(Float32Array.from(mesh.getVerticesData("position")!)).toEqual(positions);
        expect(scene.geometries.length).toBe(geometries);
        await new Promise((resolve) => setTimeout(resolve));
        expect(mesh.onDisposeObservable.observers.length).toBe(observers);
        // And it goes with the character.
        twin.dispose();
        new CharacterAttachment(head, mesh, bone("head").getTransformNode()!, { ownHead: "keep" });
        expect(mesh.getIndices()!.length).toBe(count);
        const last = new CharacterAttachment(head, mesh, "head", {});
        mesh.dispose();
        expect(last.isDisposed).toBeTrue();
        expect(scene.geometries.length).toBe(0);
    });

    it("follows an animated and instantiated character, and a plain node", async () => {
        await loadAsync();
        const container = await LoadAssetContainerAsync("/repo/samples/assets/character.glb", scene);
        const copies = [0, 1].map(() => container.instantiateModelsToScene((name) => name));
        const heads = copies.map((copy, i) => {
            (copy.rootNodes[0] as TransformNode).position.x = 2 * i;
            const head = makeHead();
            new CharacterAttachment(head, copy.rootNodes[0] as Mesh, "head", {});
            return { head, copy };
        });
        const places = [0, 0.4].map((share) => {
            for (const { copy, head } of heads) {
                const [group] = copy.animationGroups;
                group.start(true);
                group.goToFrame(group.from + share * (group.to - group.from));
                head.move!();
            }
            return heads.map(({ head }) => head.node.computeWorldMatrix(true).getTranslation());
        });
        expect(Vector3.Distance(places[0][1], places[0][0].add(new Vector3(2, 0, 0)))).toBeLessThan(1e-4);
        expect(Vector3.Distance(places[0][0], places[1][0])).toBeGreaterThan(0.002);
        expect(places[0][0].y).toBeGreaterThan(1.5);
        const post = new TransformNode("post", scene);
        post.position.set(0, 3, 0);
        const head = makeHead();
        const tie = new CharacterAttachment(head, mesh, post, { scale: 2, offset: new Vector3(0.1, 0, 0) });
        expect(
            head.node
                .computeWorldMatrix(true)
                .getTranslation()
                .subtract(new Vector3(0.2, 3, 0))
                .length(),
        ).toBeLessThan(1e-6);
        post.dispose();
        expect(tie.isDisposed).toBeTrue();
    });

    it("says which bones there are", async () => {
        await loadAsync();
        expect(() => new CharacterAttachment(makeHead(), mesh, "Head_01", {})).toThrowMatching(
            (error) =>
                error instanceof FlexAvatarError &&
                error.code === "invalid-argument" &&
                error.message.includes("neck_01"),
        );
    });

    it("fades the Gaussians out towards the rim, and nothing else", () => {
        const map = new Float32Array(14 * MapSize * MapSize);
        const ring = FindNeckRing(model, surface.rest);
        const faded = FeatherMap(model, map, MapSize, ring, 0.03);
        const texels = MapSize * MapSize;
        expect(faded.every((value, i) => (Math.floor(i / texels) === 3 ? value <= 0 : value === 0))).toBeTrue();
        const opacities = faded.subarray(3 * texels, 4 * texels);
        expect(opacities.filter((value) => value < -3).length).toBeGreaterThan(5);
        expect(opacities.filter((value) => value === 0).length).toBeGreaterThan(0.8 * texels);
    });
});
