/**
 * A head on the neck of a rigged mesh character. The head's root rides with the body's skin at the seam, on the same
 * blend of bones, and what the character's head bone turns against that goes into the avatar's own neck: the seam stays
 * closed and the neck twists softly.
 */
import { Bone } from "@babylonjs/core/Bones/bone.js";
import type { Skeleton } from "@babylonjs/core/Bones/skeleton.js";
import { Matrix, Quaternion, Vector3 } from "@babylonjs/core/Maths/math.vector.js";
import type { AbstractMesh } from "@babylonjs/core/Meshes/abstractMesh.js";
import { TransformNode } from "@babylonjs/core/Meshes/transformNode.js";
import type { Observer } from "@babylonjs/core/Misc/observable.js";
import type { Node } from "@babylonjs/core/node.js";
import { FlexAvatarError } from "../../flame/error.js";
import { MultiplyRotations, NearestRotation, QuaternionOfRotation } from "../../flame/rotation.js";
import { BonesBelow, SkinnedMeshes } from "./characterBody.js";
import { CharacterSeam, ToMeshAxes, type HeadAxes } from "./characterSeam.js";
import type { HeadSurface } from "./headSurface.js";
import type { INeckFit } from "./neckFit.js";
import type { INeckRing } from "./neckRing.js";
import type { ISavedCharacter } from "./savedAttachments.js";

/** Settings of {@link FlexAvatar.attachToCharacter}. */
export interface ICharacterSettings {
    /**
     * What becomes of the character's own head. Default `"hide"`: its triangles are taken off, and come back when the
     * avatar is detached.
     */
    ownHead?: "hide" | "keep";
    /**
     * Size of the head in units of the character's mesh data per meter. Default: fitted to the neck; 1 where there is
     * no skinned mesh.
     */
    scale?: number;
    /** Moves the head after the fit: meters along the avatar's own axes. Default none. */
    offset?: Vector3;
    /** Meters over which the Gaussians fade out towards the open end of the neck. Default 0.025; 0 turns it off. */
    feather?: number;
    /** The bone where the neck begins. Default: the parent of the head's bone. */
    neckBone?: Bone;
    /** Where the character looks in the axes of its mesh data. Default +Z, as in glTF files; VRM 0.x looks along −Z. */
    facing?: Vector3;
}

/** What the attachment moves. */
export interface ICharacterHead {
    readonly node: TransformNode;
    readonly surface: HeadSurface;
    /** Turns the neck by this, on top of the avatar's own neck node. Read in each update. */
    readonly carried: Quaternion;
    /** Fades the neck's open end, or undoes that with null. */
    feather(ring: INeckRing | null, length: number): void;
    /** Hides the person's own bust, or shows it again. */
    hideBust(isHidden: boolean): void;
    /** Does this before each frame from now on; nothing for null. */
    everyFrame(move: (() => void) | null): void;
}

const DefaultFeather = 0.025;

const World = new Matrix(); // scratch of update
const Mount = new Matrix(); // scratch of update
const MountTurn = new Float64Array(9); // scratch of update
const HeadTurn = new Float64Array(9); // scratch of update
const Against = new Float64Array(9); // scratch of update
const InMesh = new Float64Array(9); // scratch of update
const Carried = new Float64Array(9); // scratch of update
const Numbers = new Float64Array(4); // scratch of update

/** The tie between an avatar and a character. Dispose it to take the head off again; it goes with either of them. */
export class CharacterAttachment {
    /** The bone that the head follows; null when it follows a node. */
    public readonly bone: Bone | null;
    /**
     * How the head was fitted: scale, offset in the axes of the mesh data, and the mean distance of the two necks
     * there.
     */
    public readonly fit: Readonly<INeckFit>;
    private readonly _skeleton: Skeleton | null;
    private readonly _node: TransformNode | null;
    private readonly _seam: CharacterSeam | null = null;
    private readonly _axes: HeadAxes;
    /** Canonical space to the mesh's bind pose, or to the node. */
    private readonly _fitted: Matrix;
    private readonly _restore: (() => void)[] = [];
    private readonly _observers: Observer<Node>[] = [];
    private _disposed = false;

    /** Made by `FlexAvatar.attachToCharacter`. @internal */
    public constructor(
        private readonly _head: ICharacterHead,
        /** The character. */
        public readonly target: AbstractMesh,
        boneOrNode: Bone | TransformNode | string,
        private readonly _settings: ICharacterSettings,
    ) {
        const settings = _settings;
        this._skeleton = [target, ...target.getChildMeshes()].find((mesh) => mesh.skeleton)?.skeleton ?? null;
        this.bone = FindBone(this._skeleton, boneOrNode);
        this._node = this.bone || !(boneOrNode instanceof TransformNode) ? null : boneOrNode;
        const meshes = this.bone ? SkinnedMeshes(target, this._skeleton!) : [];
        if (!this._node && meshes.length === 0) {
            const names = this._skeleton?.bones.map(({ name }) => name).join(", ");
            throw new FlexAvatarError(
                "invalid-argument",
                `"${target.name}" has no skinned mesh with the bone ${typeof boneOrNode === "string" ? `"${boneOrNode}"` : "given"}. ` +
                    (names ? `Its bones are ${names}.` : "It has no skeleton; give a node to follow instead."),
            );
        }
        const { surface } = _head;
        this._axes = FindAxes(settings.facing ?? new Vector3(0, 0, 1), meshes[0]?.mesh ?? this._node!);
        if (this.bone) {
            const neckBone = settings.neckBone ?? this.bone.getParent() ?? this.bone;
            this._seam = new CharacterSeam(
                surface,
                meshes,
                this._axes,
                JointOf(this.bone),
                JointOf(neckBone),
                settings.scale,
            );
        }
        this.fit = this._seam?.fit ?? { scale: settings.scale ?? 1, offset: [0, 0, 0], residual: 0 };
        this._fitted = this._fittedMatrix(settings.offset ?? Vector3.Zero());
        if (this._seam) {
            if ((settings.ownHead ?? "hide") === "hide") {
                this._restore.push(this._seam.hideHead(this._fitted, BonesBelow(this.bone!)));
            }
            _head.feather(this._seam.ring, settings.feather ?? DefaultFeather);
            this._restore.push(() => _head.feather(null, 0));
        }
        _head.hideBust(true);
        this._restore.push(() => _head.hideBust(false));
        for (const node of [target, this._node, this._seam?.body.mesh]) {
            if (node) {
                this._observers.push((node as Node).onDisposeObservable.add(() => this.dispose()));
            }
        }
        this._update();
        _head.everyFrame(() => this._update());
        this._restore.push(() => _head.everyFrame(null));
    }

    /**
     * The tie, for scene files.
     * @internal
     */
    public save(): ISavedCharacter {
        const { ownHead, offset, feather, neckBone, facing } = this._settings;
        return {
            target: this.target.id,
            ...(this.bone ? { bone: this.bone.name } : { node: this._node!.id }),
            scale: this.fit.scale,
            ...(ownHead === undefined ? {} : { ownHead }),
            ...(feather === undefined ? {} : { feather }),
            ...(neckBone ? { neckBone: neckBone.name } : {}),
            ...(offset ? { offset: offset.asArray() } : {}),
            ...(facing ? { facing: facing.asArray() } : {}),
        };
    }

    /** True after {@link dispose}. */
    public get isDisposed(): boolean {
        return this._disposed;
    }

    /** Takes the head off: the character has its own again, the avatar stays where it is. May be called twice. */
    public dispose(): void {
        if (this._disposed) {
            return;
        }
        this._disposed = true;
        this._observers.forEach((observer) => observer.remove());
        this._restore.forEach((restore) => restore());
        this._head.carried.set(0, 0, 0, 1);
    }

    /** Moves the avatar to where the character is now. Allocates nothing. */
    private _update(): void {
        if (this._seam) {
            const { mesh } = this._seam.body;
            this._skeleton!.prepare(true);
            const matrices = this._skeleton!.getTransformMatrices(mesh);
            this._blendMount(matrices);
            this._carryNeck(matrices);
            this._fitted.multiplyToRef(Mount, World);
            World.multiplyToRef(mesh.computeWorldMatrix(true), World);
        } else {
            this._fitted.multiplyToRef(this._node!.computeWorldMatrix(true), World);
        }
        const { node } = this._head;
        if (!node.getScene().useRightHandedSystem) {
            // From canonical axes to the avatar's own: its root mirrors x.
            const { m } = World;
            World.setRowFromFloats(0, -m[0], -m[1], -m[2], -m[3]);
        }
        if (node.parent) {
            (node.parent as TransformNode).computeWorldMatrix(true).invertToRef(Mount);
            World.multiplyToRef(Mount, World);
        }
        node.rotationQuaternion ??= new Quaternion();
        World.decompose(node.scaling, node.rotationQuaternion, node.position);
    }

    private _fittedMatrix(extra: Vector3): Matrix {
        const { scale, offset } = this.fit;
        const mirror = this._head.node.getScene().useRightHandedSystem ? 1 : -1;
        const moved = ToMeshAxes(this._axes, mirror * extra.x, extra.y, extra.z);
        const [x, y, z] = moved.map((value, axis) => scale * value + offset[axis]);
        const a = this._axes.map((value) => scale * value);
        return Matrix.FromValues(a[0], a[1], a[2], 0, a[3], a[4], a[5], 0, a[6], a[7], a[8], 0, x, y, z, 1);
    }

    /**
     * Mount: the rigid motion of the seam with the character's own scale, the blend of its bones, exact in the seam's
     * middle.
     */
    private _blendMount(matrices: ArrayLike<number>): void {
        const { mount, middle } = this._seam!;
        const [cx, cy, cz] = [middle.x, middle.y, middle.z];
        let [x, y, z] = [0, 0, 0];
        MountTurn.fill(0);
        for (let k = 0; k < mount.length; k++) {
            const { bone, weight } = mount[k];
            const at = 16 * bone;
            for (let i = 0; i < 9; i++) {
                MountTurn[i] += weight * matrices[at + 4 * Math.floor(i / 3) + (i % 3)];
            }
            x += weight * (cx * matrices[at] + cy * matrices[at + 4] + cz * matrices[at + 8] + matrices[at + 12]);
            y += weight * (cx * matrices[at + 1] + cy * matrices[at + 5] + cz * matrices[at + 9] + matrices[at + 13]);
            z += weight * (cx * matrices[at + 2] + cy * matrices[at + 6] + cz * matrices[at + 10] + matrices[at + 14]);
        }
        const bone = 16 * mount[0].bone;
        const size = Math.hypot(matrices[bone], matrices[bone + 1], matrices[bone + 2]);
        NearestRotation(MountTurn);
        const r = MountTurn;
        x -= size * (cx * r[0] + cy * r[3] + cz * r[6]);
        y -= size * (cx * r[1] + cy * r[4] + cz * r[7]);
        z -= size * (cx * r[2] + cy * r[5] + cz * r[8]);
        Matrix.FromValuesToRef(r[0], r[1], r[2], 0, r[3], r[4], r[5], 0, r[6], r[7], r[8], 0, x, y, z, 1, Mount);
        for (let row = 0; row < 3; row++) {
            Mount.setRowFromFloats(row, size * r[3 * row], size * r[3 * row + 1], size * r[3 * row + 2], 0);
        }
    }

    /** The turn of the head's bone against the seam, in canonical axes. Row vectors: v · Q · mount = v · head. */
    private _carryNeck(matrices: ArrayLike<number>): void {
        const at = 16 * this.bone!.getIndex();
        for (let i = 0; i < 9; i++) {
            HeadTurn[i] = matrices[at + 4 * Math.floor(i / 3) + (i % 3)];
        }
        NearestRotation(HeadTurn);
        // Transposed, as column vectors want it: (F · Q · Fᵀ)ᵀ with Qᵀ = mount · headᵀ.
        for (let i = 0; i < 9; i++) {
            Against[i] = HeadTurn[3 * (i % 3) + Math.floor(i / 3)];
        }
        MultiplyRotations(MountTurn, Against, InMesh);
        MultiplyRotations(this._axes, InMesh, Against);
        for (let row = 0; row < 3; row++) {
            for (let column = 0; column < 3; column++) {
                const [b, a] = [3 * column, 3 * row];
                Carried[3 * row + column] =
                    Against[a] * this._axes[b] +
                    Against[a + 1] * this._axes[b + 1] +
                    Against[a + 2] * this._axes[b + 2];
            }
        }
        QuaternionOfRotation(Carried, Numbers);
        this._head.carried.set(Numbers[0], Numbers[1], Numbers[2], Numbers[3]);
    }
}

function FindBone(skeleton: Skeleton | null, wanted: Bone | TransformNode | string): Bone | null {
    if (wanted instanceof Bone) {
        return skeleton?.bones.includes(wanted) ? wanted : null;
    }
    return (
        skeleton?.bones.find((bone) =>
            typeof wanted === "string" ? bone.name === wanted : bone.getTransformNode() === wanted,
        ) ?? null
    );
}

/** Where a bone begins in the bind pose of its meshes. */
function JointOf(bone: Bone): Vector3 {
    return bone.getAbsoluteInverseBindMatrix().clone().invert().getTranslation();
}

/** The axes of the head in the data of a mesh, or of a node. */
function FindAxes(facing: Vector3, mesh: TransformNode): HeadAxes {
    const up = Math.abs(facing.y) < 0.9 * facing.length() ? new Vector3(0, 1, 0) : new Vector3(0, 0, 1);
    const z = facing.normalizeToNew();
    const x = Vector3.Cross(up, z).normalize();
    const y = Vector3.Cross(z, x);
    // The cross product is a rule for right-handed data; in left-handed data the head's left is on the other side.
    if (mesh.computeWorldMatrix(true).determinant() < 0 === mesh.getScene().useRightHandedSystem) {
        x.negateInPlace();
    }
    return [x.x, x.y, x.z, y.x, y.y, y.z, z.x, z.y, z.z];
}
