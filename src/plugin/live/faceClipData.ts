/** What a {@link FaceClip} is made of: frames in time. */
export interface IFaceClipData {
    /** Name of the clip. */
    readonly name: string;
    /** [n] seconds, ascending. */
    readonly times: Float64Array;
    /** [n·52] in ARKit's order. */
    readonly weights: Float32Array;
    /** [52] 1 where the clip has a track. */
    readonly says: Uint8Array;
    /** [n·20] quaternions in the order of {@link FaceJointNames}, as in {@link IFaceFrame}. */
    readonly turns: Float32Array;
    /** [5] 1 where the clip turns a joint. */
    readonly saysTurns: Uint8Array;
    /** [n·3] meters that the torso is moved. */
    readonly lift: Float32Array;
    /** Names of the file's columns that mean nothing here. */
    readonly unknown: readonly string[];
    /** See `FaceClip.residual`. Undefined is 0. */
    readonly residual?: number;
}
