import { AssetContainer } from "@babylonjs/core/assetContainer";
import { FreeCamera } from "@babylonjs/core/Cameras/freeCamera";
import { NullEngine } from "@babylonjs/core/Engines/nullEngine";
import type { StandardMaterial } from "@babylonjs/core/Materials/standardMaterial";
import { Vector3 } from "@babylonjs/core/Maths/math.vector";
import type { AbstractMesh } from "@babylonjs/core/Meshes/abstractMesh";
import { SceneSerializer } from "@babylonjs/core/Misc/sceneSerializer";
import { Scene } from "@babylonjs/core/scene";
import type { FlexAvatar } from "../../../../src/plugin/avatar/flexAvatar";
import { PersonalVertices, TexelTableOf } from "../../../../src/flame/personalHead";
import { HeadSurface } from "../../../../src/plugin/attach/headSurface";
import { FlexAvatarComponent } from "../../../../src/plugin/flexAvatarComponent";
import { FakeServicesAsync } from "../../../support/fakeNetworks";

const Photo = new Blob(["a photo"]);

describe("an avatar on an engine without WebGPU", () => {
    let engine: NullEngine;
    let scene: Scene;
    let component: FlexAvatarComponent;
    let avatar: FlexAvatar;
    let face: AbstractMesh;

    beforeEach(async () => {
        engine = new NullEngine();
        scene = new Scene(engine);
        scene.activeCamera = new FreeCamera("camera", new Vector3(0, 0, 1), scene);
        const { services } = await FakeServicesAsync();
        component = FlexAvatarComponent.GetOrCreate(scene, { _services: services });
        avatar = await component.createFromPhotosAsync([Photo], { name: "ada", refine: false });
        face = scene.getMeshByName("ada.face")!;
    });

    afterEach(() => {
        scene.dispose();
        engine.dispose();
    });

    it("is a mesh, and has no splats", () => {
        expect(avatar.isMesh).toBeTrue();
        expect(avatar.gaussianCount).toBe(0);
        expect(() => avatar.splatMesh).toThrowMatching(({ code }) => code === "webgpu-missing");
        expect(scene.meshes.some((mesh) => mesh.getClassName() === "FlexAvatarSplatMesh")).toBeFalse();
    });

    it("stands as the head model does but for lips, which it shuts, by Babylon's morph targets and bones", () => {
        avatar.expression.getTrack("jawOpen").influence = 0.6;
        avatar.expression.getTrack("eyeLookUpLeft").influence = 1;
        avatar.expression.getTrack("mouthSmileRight").influence = 0.5;
        avatar.neck.rotation.set(0.1, 0.5, -0.2);
        scene.render();
        const { head } = avatar["_core"].pose;
        const { file, head: model } = avatar["_core"].parts;
        const surface = new HeadSurface(model, file);
        const wanted = surface.poseVertices(head, new Float32Array(3 * model.vertexCount));
        const { mesh, vertices: rest } = avatar["_core"].parts.body!.body.face;
        const { source } = mesh;
        face.skeleton!.prepare(true);
        const shown = face.getPositionData(true, true)!;
        let farthest = 0;
        const open = PersonalVertices(model, TexelTableOf(model, file.mapSize), file.staticMap);
        source.subarray(0, model.uvCount).forEach((vertex, i) => {
            const isMoved = [0, 1, 2].some(
                (axis) => Math.abs(rest[3 * vertex + axis] - open[3 * vertex + axis]) > 1e-6,
            );
            for (let axis = 0; !isMoved && axis < 3; axis++) {
                farthest = Math.max(farthest, Math.abs(shown[3 * i + axis] - wanted[3 * vertex + axis]));
            }
        });
        expect(farthest).toBeLessThan(2e-5); // meters; the five weights of a vertex are four here
        expect(farthest).toBeGreaterThan(0);
    });

    it("ends with its neck while it has no bust", () => {
        scene.render();
        const { model, mesh } = avatar["_core"].parts.body!.body.face;
        expect(face.subMeshes[0].indexCount).toBe(3 * model.faceCount);
        expect(mesh.indices.length).toBeGreaterThan(3 * model.faceCount);
    });

    it("knows from photos on what the driver adds inside an open mouth", () => {
        const { mouth } = avatar["_core"].parts.file;
        expect(mouth!.some((value) => value !== 0)).toBeTrue();
    });

    it("follows visibility, group, mask and containers", () => {
        avatar.visibility = 0.5;
        avatar.renderingGroupId = 1;
        avatar.layerMask = 4;
        scene.render();
        expect([face.visibility, face.renderingGroupId, face.layerMask]).toEqual([0.5, 1, 4]);
        avatar._internals.setShown(false);
        expect(face.isVisible).toBeFalse();
        avatar._internals.setShown(true);
        expect(face.isVisible).toBeTrue();
    });

    it("has instances with faces of their own", () => {
        const twin = avatar.createInstance("eva");
        twin.expression.getTrack("jawOpen").influence = 1;
        scene.render();
        const jawOf = (name: string): number =>
            scene.getMeshByName(`${name}.face`)!.morphTargetManager!.getTargetByName("jawOpen")!.influence;
        expect([jawOf("ada"), jawOf("eva")]).toEqual([0, 1]);
        avatar.dispose();
        scene.render();
        expect(jawOf("eva")).toBe(1);
    });

    it("is copied by containers, with faces and materials of their own, and nothing of a copy stays", () => {
        const container = new AssetContainer(scene);
        container.transformNodes.push(...avatar._internals.nodes);
        container.meshes.push(avatar.proxyMesh);
        const lists = [scene.meshes, scene.materials, scene.textures, scene.morphTargetManagers, scene.skeletons];
        avatar.proxyMesh.update(); // as picking does; what has no vertices yet is never instantiated
        const before = lists.map(({ length }) => length);
        for (const clonesMaterials of [false, true]) {
            for (const doNotInstantiate of [false, true]) {
                const rename = (name: string): string => `copy of ${name}`;
                const copy = container.instantiateModelsToScene(rename, clonesMaterials, { doNotInstantiate });
                expect(copy.rootNodes.length).toBe(1);
                const [twin] = copy.rootNodes as FlexAvatar[];
                twin.expression.getTrack("jawOpen").influence = 0.75;
                scene.render();
                const own = scene.meshes.filter((mesh) => mesh.isDescendantOf(twin));
                expect(own.length).toBe(2);
                expect(own).toContain(twin.proxyMesh);
                const shown = own.find((mesh) => mesh.name.endsWith("face"))!;
                expect(shown.morphTargetManager!.getTargetByName("jawOpen")!.influence).toBe(0.75);
                expect(face.morphTargetManager!.getTargetByName("jawOpen")!.influence).toBe(0);
                expect(shown.morphTargetManager!.numMaxInfluencers).toBe(face.morphTargetManager!.numMaxInfluencers);
                const [{ diffuseTexture: texture }, { diffuseTexture: first }] = [shown, face].map(
                    ({ material }) => material as StandardMaterial,
                );
                expect(texture).not.toBe(first);
                expect(texture!.anisotropicFilteringLevel).toBe(first!.anisotropicFilteringLevel);
                copy.dispose();
                expect(lists.map(({ length }) => length)).toEqual(before);
            }
        }
    });

    it("gives clones of a material its alpha and its pixels, which stay while one of both is there", () => {
        const { material } = face;
        const texture = (material as StandardMaterial).diffuseTexture!;
        texture.hasAlpha = true;
        const pixels = texture.getInternalTexture()!;
        const free = spyOn(pixels, "dispose").and.callThrough();
        const clone = (material!.clone("mine") as StandardMaterial).diffuseTexture!;
        expect(clone.hasAlpha).toBeTrue();
        expect(clone.getInternalTexture()).toBe(pixels);
        expect(pixels._references).toBe(2);
        avatar.dispose();
        expect(pixels._references).toBe(1);
        clone.dispose();
        expect(free).toHaveBeenCalledTimes(2);
    });

    it("paints copies with cloned materials anew when the first one is gone", async () => {
        const container = new AssetContainer(scene);
        container.transformNodes.push(...avatar._internals.nodes);
        container.meshes.push(avatar.proxyMesh);
        const [twin] = container.instantiateModelsToScene(undefined, true).rootNodes as FlexAvatar[];
        container.dispose();
        const shown = scene.meshes.find((mesh) => mesh.name.endsWith("face") && mesh.isDescendantOf(twin))!;
        const texture = (shown.material as StandardMaterial).diffuseTexture!.getInternalTexture();
        const paint = spyOn(twin["_core"].parts.body!.body, "paintAsync").and.callThrough();
        const update = spyOn(engine, "updateRawTexture");
        const { person } = twin["_core"].parts;
        person.setDetail(new Float32Array(3 * person.file.mapSize ** 2).fill(0.2), 0);
        await paint.calls.mostRecent().returnValue;
        await Promise.resolve();
        expect(update.calls.allArgs().some(([painted]) => painted === texture)).toBeTrue();
    });

    it("paints its face anew when the person's colors change", async () => {
        const paint = spyOn(avatar["_core"].parts.body!.body, "paintAsync").and.callThrough();
        const { texture } = avatar["_core"].parts.body!.body.face;
        const { person } = avatar["_core"].parts;
        const { mapSize } = person.file;
        person.setDetail(new Float32Array(3 * mapSize * mapSize).fill(0.2), 0);
        const lighter = await paint.calls.mostRecent().returnValue;
        const sum = (rgba: ArrayLike<number>): number => Array.from(rgba).reduce((total, value) => total + value, 0);
        expect(sum(lighter.rgba)).toBeGreaterThan(sum(texture.rgba));
        person.setDetail(null, 0);
        expect((await paint.calls.mostRecent().returnValue).rgba).toEqual(texture.rgba);
        expect(paint).toHaveBeenCalledTimes(2);
    });

    it("is written into scene files as a person, not as targets", () => {
        const file = SceneSerializer.Serialize(scene) as Record<string, unknown[]>;
        expect(file.morphTargetManagers).toEqual([]);
        expect(file.skeletons).toEqual([]);
        expect(file.meshes).toEqual([]);
    });

    it("leaves nothing behind", () => {
        const counts = (): number[] => [
            scene.meshes.length,
            scene.skeletons.length,
            scene.morphTargetManagers.length,
            scene.textures.length,
            scene.materials.length,
        ];
        avatar.dispose();
        expect(counts()).toEqual([0, 0, 0, 0, 0]);
    });
});
