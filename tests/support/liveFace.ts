/** A face that sources drive, without GPU: nodes, tracks and mixer of an avatar in a scene of NullEngine. */
import "@babylonjs/core/Animations/animatable";
import type { AnimationGroup } from "@babylonjs/core/Animations/animationGroup";
import { FreeCamera } from "@babylonjs/core/Cameras/freeCamera";
import { NullEngine } from "@babylonjs/core/Engines/nullEngine";
import { Vector3 } from "@babylonjs/core/Maths/math.vector";
import { TransformNode } from "@babylonjs/core/Meshes/transformNode";
import { Scene } from "@babylonjs/core/scene";
import { ArkitNames, type ArkitName } from "../../src/flame/expression";
import type { HeadModel } from "../../src/flame/headModel";
import { AvatarJoints } from "../../src/plugin/animation/avatarJoints";
import { ExpressionTracks } from "../../src/plugin/animation/expressionTracks";
import type { FlexAvatar } from "../../src/plugin/avatar/flexAvatar";
import { FaceMixer } from "../../src/plugin/live/faceMixer";
import type { IFaceFrame, IFaceSource } from "../../src/plugin/live/faceSource";
import { JointIndex, WeightIndex } from "../../src/plugin/live/faceSource";
import type { NodeName } from "../../src/plugin/animation/jointNames";
import { TinyHead } from "./heads";

/** Seconds of a frame: Babylon's constant step. */
export const FrameS = 0.016;

/** The tiny head with eyes that its expressions turn, and joints where those of a head are. */
function GazingHead(): HeadModel {
    const head = TinyHead();
    const turn = (name: ArkitName, joint: number, axis: number, radians: number): void => {
        head.poseFromExpression[15 * head.expressions.indexOf(name) + 3 * joint + axis] = radians;
    };
    for (const [side, joint, out] of [
        ["Left", 3, 1],
        ["Right", 4, -1],
    ] as const) {
        turn(`eyeLookOut${side}`, joint, 1, 0.5 * out);
        turn(`eyeLookIn${side}`, joint, 1, -0.5 * out);
        turn(`eyeLookUp${side}`, joint, 0, -0.4);
        turn(`eyeLookDown${side}`, joint, 0, 0.4);
    }
    head.joints.set([0, -0.15, 0, 0, -0.1, -0.03, 0, -0.03, 0.01, 0.03, 0.02, 0.06, -0.03, 0.02, 0.06]);
    return head;
}

/** What a spec handles. */
export interface ILiveFace {
    readonly scene: Scene;
    readonly camera: FreeCamera;
    readonly node: TransformNode;
    readonly head: HeadModel;
    readonly tracks: ExpressionTracks;
    readonly joints: AvatarJoints;
    readonly mixer: FaceMixer;
    /** [52] what is posed. */
    readonly expression: Float32Array;
    /** [15] what is posed. */
    readonly pose: Float32Array;
    readonly notices: { code: string; message: string }[];
    /** As much of an avatar as clips and recorders want. */
    readonly avatar: FlexAvatar;
    /** Draws frames, as the component does. */
    draw(frames?: number): void;
    weight(name: ArkitName): number;
    dispose(): void;
}

export function MakeLiveFace({ rightHanded = false, head = GazingHead() } = {}): ILiveFace {
    const engine = new NullEngine();
    const scene = new Scene(engine);
    scene.useRightHandedSystem = rightHanded;
    scene.useConstantAnimationDeltaTime = true;
    const camera = new FreeCamera("camera", new Vector3(0, 0, 1), scene);
    const node = new TransformNode("ada", scene);
    const joints = new AvatarJoints(node, head);
    const tracks = new ExpressionTracks(head.expressions, "ada");
    const notices: ILiveFace["notices"] = [];
    const notify = (code: string, message: string): number => notices.push({ code, message });
    const mixer = new FaceMixer({ node, head, tracks, joints, notify });
    const expression = new Float32Array(tracks.numTargets);
    const pose = new Float32Array(15);
    const groups: AnimationGroup[] = [];
    const avatar = {
        name: "ada",
        expression: tracks,
        clipJoints: joints.clipJoints,
        getScene: () => scene,
        _internals: { adoptClip: (group: AnimationGroup) => groups.push(group), faceMixer: mixer },
    } as unknown as FlexAvatar;
    return {
        scene,
        camera,
        node,
        head,
        tracks,
        joints,
        mixer,
        expression,
        pose,
        notices,
        avatar,
        draw: (frames = 1) => {
            for (let frame = 0; frame < frames; frame++) {
                scene.render();
                mixer.update();
                mixer.mixToRef(expression);
                joints.readPoseToRef(pose);
            }
        },
        weight: (name) => expression[head.expressions.indexOf(name)],
        dispose: () => {
            scene.dispose();
            engine.dispose();
        },
    };
}

/** A source that says what it is told. */
export class SaidSource implements IFaceSource {
    public isSpeaking = true;
    public reads = 0;
    public readonly deltas: number[] = [];
    public constructor(
        private readonly _weights: Partial<Record<ArkitName, number>> = {},
        private readonly _turns: Partial<Record<NodeName, readonly [number, number, number, number]>> = {},
        private readonly _says = 1,
        public readonly name = "said",
    ) {}
    public readFrame(frame: IFaceFrame, _timeS: number, deltaS: number): boolean {
        this.reads++;
        this.deltas.push(deltaS);
        for (const [name, weight] of Object.entries(this._weights)) {
            frame.weights[WeightIndex(name as ArkitName)] = weight;
            frame.says[WeightIndex(name as ArkitName)] = this._says;
        }
        for (const [name, turn] of Object.entries(this._turns)) {
            frame.turns.set(turn, 4 * JointIndex(name as NodeName));
            frame.saysTurns[JointIndex(name as NodeName)] = this._says;
        }
        return this.isSpeaking;
    }
}

/** A quaternion about an axis, x, y, z, w. */
export function TurnAbout(axis: "x" | "y" | "z", radians: number): [number, number, number, number] {
    const turn: [number, number, number, number] = [0, 0, 0, Math.cos(radians / 2)];
    turn["xyz".indexOf(axis)] = Math.sin(radians / 2);
    return turn;
}

/** The weights of a frame by name, those that are not 0. */
export function WeightsOf(weights: ArrayLike<number>): Partial<Record<ArkitName, number>> {
    return Object.fromEntries(
        ArkitNames.flatMap((name, index) => (weights[index] === 0 ? [] : [[name, weights[index]]])),
    );
}
