/**
 * The pose of one avatar: where all that moves it comes together, and from where all that shows it reads.
 *
 * Writers, at any time before the frame is read: clips and sliders write `expression`, clips and the user turn the
 * nodes of `joints`, and a character's body writes `joints.carried`.
 * Each frame, {@link AvatarPose.read} takes them over in this order:
 * 1. tracks, mixed with what live sources say and clamped to their ranges, give `head.expression`;
 * 2. joints give `head.pose`: the body's turn, then the clip's, then that of sources, then the user's;
 * 3. what expressions do to joints is added, hair swings, and both give `page.pose`.
 *
 * Readers, after that: the driver and the skinning of the head read `head`, the skinning of hair and bust reads `page`,
 * the proxy mesh and what rides on the skin read both.
 *
 * Sources have nodes of their own and only read tracks, so each frame starts from what clips and sliders say, and not
 * from the last mix (../live/faceMixer.ts).
 */
import { Quaternion } from "@babylonjs/core/Maths/math.vector.js";
import { TransformNode } from "@babylonjs/core/Meshes/transformNode.js";
import { CreateExpressionPose, EffectivePose, type ExpressionPose } from "../../flame/expression.js";
import { HangingPose } from "../../flame/hangingPage.js";
import { PoseLength, type HeadModel } from "../../flame/headModel.js";
import { AvatarJoints } from "../animation/avatarJoints.js";
import { ExpressionTracks } from "../animation/expressionTracks.js";
import type { FaceMixer } from "../live/faceMixer.js";
import { HairSpring, type IHairSpringSettings } from "../page/hairSpring.js";

/** [3] axis-angle of hair that does not swing. */
const Still = new Float64Array(3);

/** Owned by an avatar; its nodes are disposed with it. */
export class AvatarPose {
    /** The sliders of the face. */
    public readonly expression: ExpressionTracks;
    /** Neck, jaw, eyes and torso as nodes. */
    public readonly joints: AvatarJoints;
    /** Its axes are posed space: the avatar's, moved by the torso, and mirrored in left-handed scenes. */
    public readonly posedNode: TransformNode;
    /** Weights of expressions, and turns of joints without what expressions do to them. The same object always. */
    public readonly head: ExpressionPose;
    /**
     * Turns of the second page's joints: those of the head with what expressions do to them, and those of hair. It has
     * no expressions of its own. The same object always.
     */
    public readonly page: ExpressionPose = { expression: new Float32Array(0), pose: new Float32Array(PoseLength) };
    /** Grows whenever {@link page} moves, and with it whenever the head does. */
    public revision = 0;
    /** Mixes live sources in; null until one, or who listens to them, comes. Disposed with the pose. */
    public mixer: FaceMixer | null = null;
    /** Whether the last {@link read} found {@link head} at another place. */
    public headMoved = false;
    /** Whether the last {@link read} found {@link page} at another place; it moves with the head. */
    public pageMoved = false;
    /** [15] of the head, with what expressions do to it. */
    private readonly _effective = new Float32Array(PoseLength);
    private _expressionRevision = 0;
    private _spring: HairSpring | null;

    /**
     * @param avatar parent of the nodes; its name begins their names
     * @param _model borrowed
     * @param hairSpring null where hair does not swing
     */
    public constructor(
        avatar: TransformNode,
        private readonly _model: HeadModel,
        hairSpring: IHairSpringSettings | null,
    ) {
        const scene = avatar.getScene();
        this.expression = new ExpressionTracks(_model.expressions, avatar.name, scene);
        this.head = CreateExpressionPose(_model);
        // Canonical space is right-handed. The one conversion, the same as the glTF loader's.
        this.posedNode = new TransformNode(`${avatar.name}.canonical`, scene);
        this.posedNode.doNotSerialize = true;
        if (!scene.useRightHandedSystem) {
            this.posedNode.rotationQuaternion = new Quaternion(0, 1, 0, 0);
            this.posedNode.scaling.z = -1;
        }
        this.joints = new AvatarJoints(avatar, _model);
        this.posedNode.parent = this.joints.joints.torso;
        this._spring = hairSpring && new HairSpring(hairSpring, _model.joints);
    }

    /** How hair swings, or null. */
    public get hairSpring(): Readonly<Required<IHairSpringSettings>> | null {
        return this._spring?.settings ?? null;
    }

    /** Lets hair swing from rest, or no longer. @throws FlexAvatarError `invalid-argument` */
    public setHairSpring(settings: IHairSpringSettings | null): void {
        this._spring = settings && new HairSpring(settings, this._model.joints);
        this._hang(null, true);
    }

    /**
     * Takes over what was written since the last frame. {@link headMoved} and {@link pageMoved} tell what came of it.
     * Allocates nothing.
     * @param swings whether there is hair to swing
     */
    public read(swings: boolean): void {
        const isExpressed = this._readTracks();
        this.headMoved = this.joints.readPoseToRef(this.head.pose) || isExpressed;
        this.pageMoved = this._hang(swings ? this._spring : null, this.headMoved);
    }

    /** Hangs the page on the head as it was read last, and lets hair swing. */
    public hangPage(): void {
        this._hang(this._spring, true);
    }

    /** The next {@link read} finds that everything moved. */
    public forget(): void {
        this._expressionRevision = 0;
    }

    /** Puts the face and all joints to rest. */
    public reset(): void {
        this.expression.reset();
        this.joints.reset();
    }

    /** Takes tracks and nodes out of the scene. */
    public dispose(doNotRecurse?: boolean, disposeMaterialAndTextures?: boolean): void {
        this.mixer?.dispose();
        this.expression.dispose();
        for (const node of [this.posedNode, ...this.joints.nodes.reverse()]) {
            node.dispose(doNotRecurse, disposeMaterialAndTextures);
        }
    }

    private _readTracks(): boolean {
        const isWritten = this._expressionRevision !== this.expression.revision;
        this._expressionRevision = this.expression.revision;
        if (this.mixer?.update()) {
            return this.mixer.mixToRef(this.head.expression) || isWritten;
        }
        if (isWritten) {
            this.expression.sampleToRef(this.head.expression);
        }
        return isWritten;
    }

    /** @param spring null where hair does not swing @param isNew whether the head moved @returns whether hair did */
    private _hang(spring: HairSpring | null, isNew: boolean): boolean {
        if (isNew) {
            EffectivePose(this._model, this.head, this._effective);
        }
        const swings = spring !== null && spring.update(this.posedNode, this._effective);
        if (!isNew && !swings) {
            return false;
        }
        this.revision++;
        HangingPose(this._effective, spring?.hanging ?? Still, spring?.lying ?? Still, this.page.pose);
        return true;
    }
}
