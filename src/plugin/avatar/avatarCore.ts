/** The inside of an avatar: makes its parts in order, takes them through frames and device losses, and frees them. */
import type { AnimationGroup } from "@babylonjs/core/Animations/animationGroup.js";
import { Matrix, Quaternion } from "@babylonjs/core/Maths/math.vector.js";
import type { AbstractMesh } from "@babylonjs/core/Meshes/abstractMesh.js";
import type { GaussianSplattingMesh } from "@babylonjs/core/Meshes/GaussianSplatting/gaussianSplattingMesh.js";
import type { InstancedMesh } from "@babylonjs/core/Meshes/instancedMesh.js";
import type { TransformNode } from "@babylonjs/core/Meshes/transformNode.js";
import type { Observable } from "@babylonjs/core/Misc/observable.js";
import { FlexAvatarError } from "../../flame/error.js";
import { CreateExpressionPose } from "../../flame/expression.js";
import { BuildLevels } from "../../flame/levels.js";
import { TexelTableOf } from "../../flame/personalHead.js";
import type { TexelTable } from "../../flame/texelTable.js";
import { WriteAvatarFile, type IAvatarFile } from "../../runtime/format/avatarFile.js";
import type { ISplatSnapshot } from "../../runtime/format/splatFile.js";
import type { IMeshSettings } from "../../runtime/mesh/meshFile.js";
import type { ExpressionTrack } from "../animation/expressionTracks.js";
import type { ISavedAttachments } from "../attach/savedAttachments.js";
import { HeadSurface } from "../attach/headSurface.js";
import { FreezeAsync } from "../draw/gaussianSplattingMesh.js";
import { FlexAvatarProxyMesh, type IProxySource } from "../draw/proxyMesh.js";
import {
    CheckSplatFormat,
    WritePersonAsync,
    WriteSplatsAsync,
    type ISaveSettings,
    type SplatFormat,
} from "../files/avatarExport.js";
import { FaceMixer } from "../live/faceMixer.js";
import type { IHairSpringSettings } from "../page/hairSpring.js";
import { MouthColors, MouthPose } from "../../runtime/person/mouthColors.js";
import type { IRefineProgress, IRefineSettings } from "../../runtime/person/refineSettings.js";
import type { IRefineSource } from "../../runtime/person/refineViews.js";
import { AvatarAttachments } from "./avatarAttachments.js";
import { AvatarClips } from "./avatarClips.js";
import type { AvatarEvaluator } from "../../runtime/driver/avatarEvaluator.js";
import type { IAvatarInternals, IAvatarParts } from "./avatarInternals.js";
import { AvatarMaps } from "./avatarMaps.js";
import { AvatarPose } from "./avatarPose.js";
import type { IAvatarDrawing, IAvatarLook, IDrawnPage } from "./avatarDrawing.js";
import { AvatarRefinement } from "./avatarRefinement.js";
import { HairAndBust } from "./hairAndBust.js";
import { SplatDrawing } from "./splatDrawing.js";
import { RequireEvaluator, ThrowIfDisposed } from "./throwIfDisposed.js";

/** The avatar as its parts know it. */
export interface IAvatarNode extends TransformNode, IAvatarLook {
    readonly onRefineProgressObservable: Observable<IRefineProgress>;
    isEnabled(checkAncestors?: boolean): boolean;
}

/** One per avatar. */
export class AvatarCore implements IAvatarInternals {
    public readonly pose: AvatarPose;
    public readonly proxyMesh: FlexAvatarProxyMesh;
    public readonly drawing: IAvatarDrawing;
    public readonly maps: AvatarMaps;
    public readonly hairAndBust: HairAndBust;
    public readonly clips: AvatarClips;
    public readonly attachments: AvatarAttachments;
    public readonly refinement: AvatarRefinement;
    /** Gaussians of the head; 0 where it is a mesh. */
    public readonly gaussianCount: number;
    /** What `clone` made last: whoever copies a hierarchy finds the parts of the copy in it. */
    public latestClone: AvatarCore | null = null;
    private _isReady = false;
    /** The drawing where it is splats: these get lost with a device, and come back. */
    private readonly _splatDrawing: SplatDrawing | null = null;

    /**
     * @param _avatar the node itself
     * @param parts what the component gave it
     * @param _onReady called once, when the first picture can be drawn
     */
    public constructor(
        private readonly _avatar: IAvatarNode,
        public readonly parts: IAvatarParts,
        private readonly _onReady: () => void,
    ) {
        const { head, evaluator, body, file, person, page, crowds, shown } = parts;
        this.gaussianCount = evaluator?.gaussianCount ?? 0;
        this.pose = new AvatarPose(_avatar, head, shown.hairSpring ?? null);
        const { posedNode } = this.pose;
        const surface = new HeadSurface(head, file);
        const surfaces: IProxySource = { surface, page: null, poses: this.pose };
        this.proxyMesh = new FlexAvatarProxyMesh(`${_avatar.name}.proxy`, _avatar.getScene(), surfaces);
        this.proxyMesh.parent = posedNode;
        this._copyPartsOnce();
        if (body) {
            this.drawing = body.createDrawing(_avatar, posedNode, () => this.latestClone?.drawing ?? null);
        } else {
            this._splatDrawing = new SplatDrawing(_avatar, posedNode, this.proxyMesh, crowds, evaluator);
            this.drawing = this._splatDrawing;
            this._watchDriver(evaluator!);
        }
        this.maps = new AvatarMaps(this.drawing, person, head, _avatar.onRefineProgressObservable, parts.splats);
        this.hairAndBust = new HairAndBust(_avatar, parts, this.pose, this.drawing, surfaces);
        this.clips = new AvatarClips(_avatar, this.pose, parts.notify);
        this.refinement = new AvatarRefinement(_avatar, parts);
        const { pose, proxyMesh, maps, hairAndBust } = this;
        this.attachments = new AvatarAttachments({
            avatar: _avatar,
            surfaces,
            pose,
            page,
            proxyMesh,
            maps,
            hairAndBust,
        });
    }

    public get splats(): AvatarEvaluator | null {
        return this.drawing.splats;
    }

    public get secondPage(): IDrawnPage | null {
        return this.hairAndBust.page;
    }

    public get posedNode(): TransformNode {
        return this.pose.posedNode;
    }

    public get nodes(): TransformNode[] {
        return [this._avatar, this.posedNode, ...this.pose.joints.nodes];
    }

    public get faceMixer(): FaceMixer {
        return (this.pose.mixer ??= new FaceMixer({
            node: this._avatar,
            head: this.parts.head,
            tracks: this.pose.expression,
            joints: this.pose.joints,
            notify: this.parts.notify,
        }));
    }

    public readFrame(): void {
        const { drawing, pose, parts } = this;
        if (!drawing.isThere) {
            return;
        }
        const frame = this._avatar.getScene().getFrameId();
        parts.person.update(frame);
        parts.page.update(frame);
        this.hairAndBust.coverHead();
        this.attachments.follow();
        pose.read(this.hairAndBust.swings);
        drawing.show(pose);
        if (pose.pageMoved) {
            this._showPose();
        }
    }

    public continueFrame(): void {
        this.splats?.continue();
        if (!this._isReady && this.drawing.isReady()) {
            this._announceReady();
        }
    }

    public setShown(isShown: boolean): void {
        this.drawing.setShown(isShown);
    }

    public suspend(): IAvatarFile {
        this.hairAndBust.suspend();
        this._splatDrawing?.lose();
        return this.parts.file;
    }

    public resume(evaluator: AvatarEvaluator): void {
        this._splatDrawing!.splats = evaluator;
        this._watchDriver(evaluator);
        this.maps.show(evaluator);
        this.hairAndBust.showPage();
        this.pose.forget();
        this.readFrame();
        this._splatDrawing!.splatMesh.refreshMembers();
    }

    public refineInBackground(source: IRefineSource, settings: IRefineSettings): void {
        this.refinement.runInBackground(source, settings);
    }

    public get savedAttachments(): ISavedAttachments {
        return this.attachments.save();
    }

    public clipTargets(): Map<string, TransformNode | ExpressionTrack> {
        return this.clips.targets();
    }

    public adoptClip(group: AnimationGroup): void {
        this.clips.adopt(group);
    }

    public toFile(): ArrayBuffer {
        ThrowIfDisposed(this._avatar);
        return WriteAvatarFile({ ...this.parts.file, name: this._avatar.name }).buffer;
    }

    /** See {@link FlexAvatar.hairSpring}. */
    public setHairSpring(settings: IHairSpringSettings | null): void {
        this.pose.setHairSpring(settings);
        if (this.secondPage) {
            this._showPose();
        }
    }

    /** An evaluator for another avatar of the person; null where that is a mesh. @throws FlexAvatarError `disposed`, `too-many-avatars` */
    public createEvaluator(): AvatarEvaluator | null {
        if (this.parts.body) {
            ThrowIfDisposed(this._avatar);
            return null;
        }
        const evaluator = RequireEvaluator(this._avatar, this.splats).createInstance();
        this.maps.unfeather(evaluator);
        return evaluator;
    }

    /** See {@link FlexAvatar.evaluateAsync}. */
    public async evaluateAsync(): Promise<void> {
        ThrowIfDisposed(this._avatar);
        this._finishFades();
        this.readFrame();
        await this.splats?.evaluateAsync();
    }

    /** See {@link FlexAvatar.whenReadyAsync}. */
    public async whenReadyAsync(): Promise<void> {
        await this.evaluateAsync();
        while (!this.drawing.isReady()) {
            await new Promise((resolve) => setTimeout(resolve, 16));
            ThrowIfDisposed(this._avatar);
        }
        this._announceReady();
    }

    /** See {@link FlexAvatar.saveAsync}. */
    public async saveAsync(settings: ISaveSettings): Promise<ArrayBuffer> {
        const avatar = this._avatar;
        ThrowIfDisposed(avatar);
        await this._openMouthAsync().catch(() => undefined); // a network that fails costs a mesh its teeth, and no file
        ThrowIfDisposed(avatar);
        const { file, splats } = this.parts;
        const [head, table] = [this.splats?.buffers.head.model ?? this.parts.head, this._table];
        const levels = this.splats?.buffers.head.levels ?? BuildLevels(head, table);
        const shown = { head, table, levels, map: splats?.map };
        const page = this.parts.page.pageModel;
        const check = (): void => ThrowIfDisposed(avatar);
        return await WritePersonAsync({ ...file, name: avatar.name }, shown, page, settings, check);
    }

    /** See {@link FlexAvatar.exportSplatsAsync}. */
    public async exportSplatsAsync(format: SplatFormat): Promise<ArrayBuffer> {
        const avatar = this._avatar;
        CheckSplatFormat(format);
        const snapshots = await this._snapshotsAsync();
        const about = { name: avatar.name, license: this.parts.file.license };
        return await WriteSplatsAsync(format, snapshots, about, () => ThrowIfDisposed(avatar));
    }

    /** See {@link FlexAvatar.exportMeshAsync}. */
    public async exportMeshAsync(settings: IMeshSettings): Promise<ArrayBuffer> {
        if (this.parts.splats) {
            throw new FlexAvatarError(
                "invalid-argument",
                `"${this._avatar.name}" is made of a file of Gaussians, and has no mesh of its own.`,
            );
        }
        const avatar = this._avatar;
        ThrowIfDisposed(avatar);
        const { hair, bust } = this.hairAndBust.hiddenParts;
        const { file, head, page } = this.parts;
        const deltaMap = (await this.splats?.deltaMapOfAsync(CreateExpressionPose(head))) ?? null;
        await this._openMouthAsync();
        ThrowIfDisposed(avatar);
        const given = Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
        const { WriteMeshFileAsync } = await import("../../runtime/mesh/meshFile.js");
        const bytes = await WriteMeshFileAsync(
            { file: { ...file, name: avatar.name }, head, page: page.pageModel, deltaMap },
            { hair: !hair, bust: !bust, ...given },
            () => ThrowIfDisposed(avatar),
        );
        return bytes.buffer;
    }

    /** Asks the driver, where it runs, what meshes of the person show inside of the mouth; once. */
    private async _openMouthAsync(): Promise<void> {
        const { file, head, splats } = this.parts;
        if (!file.mouth && !splats) {
            const answer = await this.splats?.deltaMapOfAsync(MouthPose(head));
            if (answer) {
                file.mouth = MouthColors(head, this._table, answer);
            }
        }
    }

    /** See {@link FlexAvatar.toGaussianSplattingMeshAsync}. */
    public async freezeAsync(name: string): Promise<GaussianSplattingMesh> {
        const avatar = this._avatar;
        const snapshots = this._snapshotsAsync();
        // Where the torso is in the avatar's parent.
        const place = this.pose.joints.joints.torso
            .computeWorldMatrix(true)
            .multiply(avatar.parent ? avatar.parent.getWorldMatrix().clone().invert() : Matrix.IdentityReadOnly);
        const mesh = await FreezeAsync(name, avatar.getScene(), await snapshots);
        mesh.parent = avatar.parent;
        mesh.rotationQuaternion = new Quaternion();
        place.decompose(mesh.scaling, mesh.rotationQuaternion, mesh.position);
        return mesh;
    }

    /** What is shown now, with the driver's answer to this very pose. */
    private async _snapshotsAsync(): Promise<ISplatSnapshot[]> {
        const evaluator = this.parts.body ? null : RequireEvaluator(this._avatar, this.splats);
        ThrowIfDisposed(this._avatar);
        this.readFrame();
        const pose = { expression: this.pose.head.expression.slice(), pose: this.pose.head.pose.slice() };
        const [head, table] = [this.splats?.buffers.head.model ?? this.parts.head, this._table];
        this._finishFades();
        const staticMap = this.maps.copy();
        const second = this.hairAndBust.snapshots();
        const deltaMap = evaluator && (await evaluator.readDeltaMapAsync());
        ThrowIfDisposed(this._avatar);
        return [{ head, table, staticMap, deltaMap, pose }, ...second];
    }

    /** Frees all but the node itself. Once. */
    public dispose(doNotRecurse?: boolean, disposeMaterialAndTextures?: boolean): void {
        this.maps.dispose();
        this.refinement.dispose();
        this.clips.dispose();
        this.attachments.dispose();
        this.hairAndBust.dispose();
        this.drawing.dispose();
        this.proxyMesh.dispose();
        this.pose.dispose(doNotRecurse, disposeMaterialAndTextures);
    }

    /** Brings to the pose what has been at another one. The head's evaluator is told by {@link readFrame}. */
    private _showPose(): void {
        this.secondPage?.showPose();
        this.attachments.update();
    }

    /** Where the head's Gaussians are on it, drawn or not. */
    private get _table(): TexelTable {
        const { head, file } = this.parts;
        return this.splats?.buffers.head.table ?? TexelTableOf(head, file.mapSize);
    }

    private _finishFades(): void {
        this.parts.person.finishFade();
        this.parts.page.finishFade();
    }

    /** Whoever copies a hierarchy node by node finds the parts of the copy that there are already. */
    private _copyPartsOnce(): void {
        this.nodes.forEach((part, index) => {
            if (index > 0) {
                part.clone = () => this.latestClone?.nodes[index] ?? null;
            }
        });
        this.proxyMesh.clone = () => this.latestClone!.proxyMesh;
        // An instance would be posed as the first one.
        this.proxyMesh.createInstance = () => this.latestClone!.proxyMesh as AbstractMesh as InstancedMesh;
    }

    private _watchDriver(evaluator: AvatarEvaluator): void {
        evaluator.onDriverError = (error) =>
            this.parts.notify(
                "driver-failed",
                `The driver network of "${this._avatar.name}" failed; its wrinkles stay as they are. ${String(error)}`,
            );
    }

    private _announceReady(): void {
        if (!this._isReady) {
            this._isReady = true;
            this._onReady();
        }
    }
}
