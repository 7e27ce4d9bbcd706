/** The clips of one avatar: binding them, finding them, and what they can drive. */
import type { AnimationGroup } from "@babylonjs/core/Animations/animationGroup.js";
import type { TransformNode } from "@babylonjs/core/Meshes/transformNode.js";
import { NodeNames } from "../animation/avatarJoints.js";
import {
    BindAnimationGroup,
    ListNames,
    type IBindAnimationSettings,
    type IClipReport,
} from "../animation/bindAnimationGroup.js";
import type { ExpressionTrack } from "../animation/expressionTracks.js";
import type { IAvatarParts } from "./avatarInternals.js";
import type { AvatarPose } from "./avatarPose.js";

/** Owned by an avatar. Bound clips are disposed with it. */
export class AvatarClips {
    private readonly _groups = new Set<AnimationGroup>();

    /**
     * @param _avatar can be driven itself; its name is in texts
     * @param _pose borrowed
     * @param _notify told what a clip has and the avatar has not
     */
    public constructor(
        private readonly _avatar: TransformNode,
        private readonly _pose: AvatarPose,
        private readonly _notify: IAvatarParts["notify"],
    ) {}

    /** Groups of the scene that drive nothing but this avatar. */
    public get all(): readonly AnimationGroup[] {
        const targets = new Set<unknown>([...this.targets().values()]);
        const isOwn = ({ targetedAnimations }: AnimationGroup) =>
            targetedAnimations.length > 0 && targetedAnimations.every(({ target }) => targets.has(target));
        return this._avatar.getScene().animationGroups.filter(isOwn);
    }

    /**
     * See {@link FlexAvatar.bindAnimationGroup}.
     * @param hasBust whether the torso is driven where the settings say nothing
     */
    public bind(group: AnimationGroup, settings: IBindAnimationSettings, hasBust: boolean): AnimationGroup {
        const { expression, joints } = this._pose;
        const targets = { name: this._avatar.name, expression, joints: joints.clipJoints };
        const bound = BindAnimationGroup(
            group,
            targets,
            this._avatar.getScene(),
            { torso: hasBust, ...settings },
            (report) => this._tell(report, group.name, settings),
        );
        this.adopt(bound);
        return bound;
    }

    /** Takes a group whose targets are of this avatar: it is disposed with it. */
    public adopt(group: AnimationGroup): void {
        this._groups.add(group);
    }

    /** All that a clip can drive, by the names that scene files use. */
    public targets(): Map<string, TransformNode | ExpressionTrack> {
        const { expression, joints } = this._pose;
        const targets = new Map<string, TransformNode | ExpressionTrack>([["", this._avatar]]);
        for (let index = 0; index < expression.numTargets; index++) {
            const track = expression.getTarget(index);
            targets.set(track.name, track);
        }
        for (const joint of NodeNames) {
            targets.set(joint, joints.joints[joint]);
            targets.set(`${joint}.clip`, joints.clipJoints[joint]);
        }
        return targets;
    }

    /** Disposes the clips that were bound. */
    public dispose(): void {
        for (const group of this._groups) {
            if (this._avatar.getScene().animationGroups.includes(group)) {
                group.dispose();
            }
        }
        this._groups.clear();
    }

    private _tell(
        { missing, bodyBones, doubles, weightScale }: IClipReport,
        clip: string,
        settings: IBindAnimationSettings,
    ): void {
        const { name } = this._avatar;
        if (missing.length > 0 && !settings.onMissing) {
            const body = bodyBones > 0 ? ` Bones of the body that are left out as well: ${bodyBones}.` : "";
            this._notify(
                "clip-tracks-missing",
                `"${name}" has nothing for ${ListNames(missing)} of the clip "${clip}".${body}`,
            );
        }
        if (doubles.length > 0 || (weightScale !== 1 && settings.weightScale === undefined)) {
            const scaled =
                weightScale === 1 ? "" : ` Its weights are percentages and were multiplied by ${weightScale}.`;
            const taken =
                doubles.length > 0
                    ? ` Several meshes or nodes animate ${ListNames(doubles)}; what moves most was taken.`
                    : "";
            this._notify("clip-adjusted", `The clip "${clip}" was adjusted for "${name}".${scaled}${taken}`);
        }
    }
}
