// What a scene can be set to besides: the head is drawn, nothing else changes, and the GPU has nothing to complain
// about.
import "@babylonjs/core/Rendering/boundingBoxRenderer";
import "@babylonjs/core/Rendering/depthRendererSceneComponent";
import "@babylonjs/core/Rendering/edgesRenderer";
import "@babylonjs/core/Rendering/geometryBufferRendererSceneComponent";
import "@babylonjs/core/Rendering/outlineRenderer";
import "@babylonjs/core/Rendering/prePassRendererSceneComponent";
import { ScenePerformancePriority } from "@babylonjs/core/scene";
import { Color3 } from "@babylonjs/core/Maths/math.color";
import { Vector3 } from "@babylonjs/core/Maths/math.vector";
import { MotionBlurPostProcess } from "@babylonjs/core/PostProcesses/motionBlurPostProcess";
import { SSAO2RenderingPipeline } from "@babylonjs/core/PostProcesses/RenderPipeline/Pipelines/ssao2RenderingPipeline";
import { AddBox, CanvasPx } from "../../support/stage";
import { ExpectColor, MakeSolid, ShootAsync, type Rgb } from "../../support/pictures";
import { ShareStage, type ISharedStage } from "../../support/sharedStage";

const avatarColor: Rgb = [200, 120, 60];
const Middle: [number, number] = [CanvasPx / 2, CanvasPx / 2];

/** By name: sets it, and returns what takes it back. */
const Settings: Record<string, (stage: ISharedStage) => () => void> = {
    "frozen active meshes": ({ scene }) => (scene.freezeActiveMeshes(), () => scene.unfreezeActiveMeshes()),
    "frozen active meshes that are still clipped": ({ scene }) => (
        scene.freezeActiveMeshes(false, undefined, undefined, true, true),
        () => scene.unfreezeActiveMeshes()
    ),
    "a frozen material": ({ avatar }) => (
        avatar.splatMesh.material!.freeze(),
        () => avatar.splatMesh.material!.unfreeze()
    ),
    "a frozen world matrix": ({ avatar }) => (
        avatar.splatMesh.freezeWorldMatrix(),
        () => avatar.splatMesh.unfreezeWorldMatrix()
    ),
    "frozen materials of the scene": ({ scene }) => (scene.freezeMaterials(), () => scene.unfreezeMaterials()),
    "intermediate performance priority": ({ scene }) => {
        scene.performancePriority = ScenePerformancePriority.Intermediate;
        return () => (scene.performancePriority = ScenePerformancePriority.BackwardCompatible);
    },
    "forced wireframe": ({ scene }) => ((scene.forceWireframe = true), () => (scene.forceWireframe = false)),
    "forced points": ({ scene }) => ((scene.forcePointsCloud = true), () => (scene.forcePointsCloud = false)),
    "an outline of the splat mesh": ({ avatar }) => (
        (avatar.splatMesh.renderOutline = true),
        () => (avatar.splatMesh.renderOutline = false)
    ),
    "an overlay of the splat mesh": ({ avatar }) => (
        (avatar.splatMesh.renderOverlay = true),
        () => (avatar.splatMesh.renderOverlay = false)
    ),
    "an outline of the proxy": ({ avatar }) => (
        (avatar.proxyMesh.renderOutline = true),
        () => (avatar.proxyMesh.renderOutline = false)
    ),
    "forced bounding boxes": ({ scene }) => (
        (scene.forceShowBoundingBoxes = true),
        () => (scene.forceShowBoundingBoxes = false)
    ),
    "edges of the proxy": ({ avatar }) => {
        avatar.proxyMesh.update();
        avatar.proxyMesh.enableEdgesRendering();
        return () => avatar.proxyMesh.disableEdgesRendering();
    },
    "ambient occlusion by a geometry buffer": ({ scene, camera }) => {
        const ssao = new SSAO2RenderingPipeline("ssao", scene, 1, [camera], true);
        return () => (ssao.dispose(), scene.disableGeometryBufferRenderer());
    },
    "ambient occlusion by a prepass": ({ scene, camera }) => {
        const ssao = new SSAO2RenderingPipeline("ssao", scene, 1, [camera], false);
        return () => (ssao.dispose(), scene.disablePrePassRenderer());
    },
    "motion blur by a geometry buffer": ({ scene, camera }) => {
        const blur = new MotionBlurPostProcess(
            "blur",
            scene,
            1,
            camera,
            undefined,
            undefined,
            undefined,
            undefined,
            undefined,
            true,
        );
        return () => (blur.dispose(camera), scene.disableGeometryBufferRenderer());
    },
};

describe("settings of a scene with an avatar", () => {
    const stage = ShareStage(MakeSolid(avatarColor));

    for (const [name, set] of Object.entries(Settings)) {
        it(`draws the head with ${name}`, async () => {
            AddBox(stage.scene, "beside", new Color3(0, 0, 1), 0.04, new Vector3(0.15, 0.1, 0));
            await ShootAsync(stage, 2);
            const unset = set(stage);
            try {
                ExpectColor(await ShootAsync(stage, 4), [Middle[0] + 3, Middle[1] + 3], avatarColor, 6, name);
                stage.avatar.position.x = 0.06;
                await ShootAsync(stage, 2);
            } finally {
                unset();
            }
            stage.avatar.position.x = 0;
            ExpectColor(await ShootAsync(stage, 3), [Middle[0] + 3, Middle[1] + 3], avatarColor, 3, "afterwards");
        }, 30000);
    }
});
