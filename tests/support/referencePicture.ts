/** Pictures that the reference rasteriser makes of avatars for a stage's camera, and what they are compared with. */
import { CreateExpressionPose, type ExpressionPose } from "../../src/flame/expression";
import type { FlexAvatar } from "../../src/plugin/avatar/flexAvatar";
import { PoseVerticesReference } from "../../src/runtime/reference/poseVertices";
import { RasterizeReference } from "../../src/runtime/reference/rasterize";
import { CrowdProjectReference, SplatProjectReference } from "../../src/runtime/reference/splatProject";
import { CanvasPx, CaptureAsync, PixelsAsync, type ISynthetic, type IStage } from "./stage";

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

/** The stage's canvas as it is drawn: rgb 0..1, row 0 at the top. */
export async function DrawnRgbAsync(stage: IStage): Promise<number[]> {
    const pixels = await PixelsAsync(await CaptureAsync(stage));
    return Array.from(pixels).flatMap((value, i) => (i % 4 === 3 ? [] : [value / 255]));
}

/** Something that {@link CrowdPicture} draws. */
export type CrowdMember = Parameters<typeof CrowdProjectReference>[0][number];

/** The expression and pose that an avatar has now. */
export function PoseOf(avatar: FlexAvatar, { model }: ISynthetic): ExpressionPose {
    const pose = CreateExpressionPose(model);
    avatar.expression.sampleToRef(pose.expression);
    avatar["_core"].pose.joints.readPoseToRef(pose.pose);
    return pose;
}

/** The head of an avatar as it is posed now. */
export function HeadMember(avatar: FlexAvatar, synthetic: ISynthetic): CrowdMember {
    const { model, table, staticMap } = synthetic;
    const { expressed, jointMatrices } = PoseVerticesReference(model, PoseOf(avatar, synthetic));
    return {
        state: { table, expressed, jointMatrices, staticMap, deltas: [], opacity: avatar.visibility },
        worldFromPosed: avatar._internals.posedNode.computeWorldMatrix(true).m,
    };
}

/** What the reference makes of members in one list: the canvas, rgb 0..1, row 0 at the top. */
export function CrowdPicture({ camera }: IStage, members: readonly CrowdMember[]): number[] {
    const view = {
        viewFromWorld: camera.getViewMatrix(true).m,
        clipFromView: camera.getProjectionMatrix(true).m,
        viewportWidthPx: CanvasPx,
        viewportHeightPx: CanvasPx,
    };
    const splats = CrowdProjectReference(members, view)
        .filter(({ visible }) => visible)
        .sort((a, b) => b.viewDepth - a.viewDepth);
    return Array.from(RasterizeReference(splats, CanvasPx, CanvasPx)).filter((_, i) => i % 4 !== 3);
}
