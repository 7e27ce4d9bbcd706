/**
 * One engine, scene and avatar for all specs of a describe: compiling them anew costs more than the specs. Each spec
 * begins with the same state.
 */
import { Camera } from "@babylonjs/core/Cameras/camera";
import { Color4 } from "@babylonjs/core/Maths/math.color";
import { Vector3 } from "@babylonjs/core/Maths/math.vector";
import { Viewport } from "@babylonjs/core/Maths/math.viewport";
import { Scene } from "@babylonjs/core/scene";
import type { FlexAvatar } from "../../src/plugin/avatar/flexAvatar";
import { AddAvatarAsync, CreateStageAsync, type ISynthetic, type IStage } from "./stage";

/** A stage with an avatar at its origin. Its fields are there while specs run. */
export interface ISharedStage extends IStage {
    avatar: FlexAvatar;
}

/** Call it in a describe. After each spec, what the spec added is disposed, and the GPU must have reported no error. */
export function ShareStage(synthetic: ISynthetic, settings: Parameters<typeof CreateStageAsync>[0] = {}): ISharedStage {
    const shared = {} as ISharedStage;
    beforeAll(async () => {
        Object.assign(shared, await CreateStageAsync(settings));
        shared.avatar = await AddAvatarAsync(shared, synthetic);
    });
    afterEach(() => {
        expect(shared.errors.splice(0)).toEqual([]);
        ResetStage(shared);
    });
    afterAll(() => shared.dispose());
    return shared;
}

function ResetStage({ scene, camera, avatar }: ISharedStage): void {
    const kept = new Set([avatar.splatMesh, avatar.proxyMesh]);
    for (const mesh of [...scene.meshes]) {
        if (!kept.has(mesh as never)) {
            mesh.dispose(false, true);
        }
    }
    for (const other of [...scene.cameras]) {
        if (other !== camera) {
            other.dispose();
        }
    }
    for (const target of scene.customRenderTargets.splice(0)) {
        target.dispose();
    }
    scene.activeCameras = [];
    scene.activeCamera = camera;
    scene.autoClear = true;
    scene.clearColor = new Color4(0, 0, 0, 1);
    scene.fogMode = Scene.FOGMODE_NONE;
    scene.fogEnabled = true;
    scene.clipPlane =
        scene.clipPlane2 =
        scene.clipPlane3 =
        scene.clipPlane4 =
        scene.clipPlane5 =
        scene.clipPlane6 =
            null;
    camera.mode = Camera.PERSPECTIVE_CAMERA;
    camera.position.set(0, 0, 0.6);
    camera.setTarget(Vector3.Zero());
    camera.fov = 0.6;
    camera.layerMask = 0x0fffffff;
    camera.viewport = new Viewport(0, 0, 1, 1);
    avatar.parent = null;
    avatar.cullBackFaces = "auto";
    avatar.position.setAll(0);
    avatar.rotation.setAll(0);
    avatar.scaling.setAll(1);
    avatar.setEnabled(true);
    avatar.neck.rotation.setAll(0);
    Object.assign(avatar, { visibility: 1, layerMask: 0x0fffffff, renderingGroupId: 0 });
    Object.assign(avatar.splatMesh, { applyFog: true, isVisible: true, alwaysSelectAsActiveMesh: false });
}
