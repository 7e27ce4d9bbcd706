/** The picture that the reference rasteriser makes of an avatar for a stage's camera. */
import { CreateExpressionPose } from "../../src/flame/expression";
import type { FlexAvatar } from "../../src/plugin/avatar/flexAvatar";
import { PoseVerticesReference } from "../../src/runtime/reference/poseVertices";
import { RasterizeReference } from "../../src/runtime/reference/rasterize";
import { SplatProjectReference } from "../../src/runtime/reference/splatProject";
import type { ISynthetic, IStage } from "./stage";

/**
 * At rest, over black.
 * @param widthPx size of the viewport
 * @returns rgba 0..255, row 0 at the top
 */
export function ReferencePicture(
    stage: IStage,
    avatar: FlexAvatar,
    synthetic: ISynthetic,
    widthPx: number,
    heightPx: number,
): number[] {
    const { model, table, staticMap } = synthetic;
    const { expressed, jointMatrices } = PoseVerticesReference(model, CreateExpressionPose(model));
    const splats = SplatProjectReference(
        { table, expressed, jointMatrices, staticMap, deltas: [] },
        {
            worldFromPosed: avatar._internals.posedNode.computeWorldMatrix(true).m,
            viewFromWorld: stage.camera.getViewMatrix(true).m,
            clipFromView: stage.camera.getProjectionMatrix(true).m,
            viewportWidthPx: widthPx,
            viewportHeightPx: heightPx,
            rightHanded: stage.scene.useRightHandedSystem,
        },
    )
        .filter(({ visible }) => visible)
        .sort((a, b) => b.viewDepth - a.viewDepth);
    return Array.from(RasterizeReference(splats, widthPx, heightPx), (value, i) => (i % 4 === 3 ? 255 : 255 * value));
}
