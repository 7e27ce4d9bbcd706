/** Refinement as one avatar asks for it: from photos, or in the background with those it was made of. */
import type { TransformNode } from "@babylonjs/core/Meshes/transformNode.js";
import { FlexAvatarError } from "../../flame/error.js";
import type { PhotoSource } from "../../runtime/photo/decode.js";
import type { PreparePhotos } from "../refine/refinement.js";
import type { IRefineSettings } from "../../runtime/person/refineSettings.js";
import type { IRefineSource } from "../../runtime/person/refineViews.js";
import type { IAvatarParts } from "./avatarInternals.js";
import { ThrowIfDisposed } from "./throwIfDisposed.js";

/** Owned by an avatar. The run itself is the person's, which its instances share. */
export class AvatarRefinement {
    /**
     * @param _avatar its name is in texts
     * @param _parts of the avatar
     */
    public constructor(
        private readonly _avatar: TransformNode,
        private readonly _parts: IAvatarParts,
    ) {}

    /** Whether the person has the photos' detail. */
    public get isDone(): boolean {
        return this._parts.person.file.detail !== undefined;
    }

    /** Whether a refinement of the person is under way. */
    public get isRunning(): boolean {
        return this._parts.refinement.isRunning;
    }

    /** See {@link FlexAvatar.refineAsync}. */
    public async runAsync(photos: readonly PhotoSource[], settings: IRefineSettings): Promise<void> {
        ThrowIfDisposed(this._avatar);
        if (this._parts.splats) {
            throw new FlexAvatarError(
                "invalid-argument",
                `"${this._avatar.name}" is made of a file of Gaussians, and only avatars of photos can be refined.`,
            );
        }
        if (photos.length < 1 || photos.length > 4) {
            throw new FlexAvatarError("photo-count", `refineAsync got ${photos.length} photos and takes 1 to 4.`);
        }
        const list = [...photos];
        let opened = 0;
        const prepare: PreparePhotos = (signal, wish, onFraction) =>
            this._parts.prepareRefinementAsync(list, wish, {
                signal,
                onProgress: ({ stage, fraction }) => {
                    opened += stage === "opening the photo" ? 1 : 0;
                    const ofPhoto = stage === "cutting out the person" ? fraction : 0;
                    onFraction(Math.min(1, (Math.max(0, opened - 1) + ofPhoto) / list.length));
                },
            });
        await this._parts.refinement.runAsync(prepare, list.length, settings);
    }

    /** See {@link IAvatarInternals.refineInBackground}. */
    public runInBackground(source: IRefineSource, settings: IRefineSettings): void {
        const sharpens = source.details.length > 0;
        if (!sharpens && source.wides.length === 0) {
            return;
        }
        const fill = source.wides.length > 0 ? settings.fill : false;
        this._parts.refinement
            .runAsync(async () => source, source.fit.views.length, { ...settings, fill }, sharpens)
            .catch((error: unknown) => {
                const { name } = this._avatar;
                const code = error instanceof FlexAvatarError ? error.code : "refine-failed";
                if (code === "fill-failed") {
                    this._parts.notify(
                        "fill-failed",
                        `"${name}" stays without hair beyond the scalp and bust. ${String(error)}`,
                    );
                } else if (code !== "aborted" && code !== "disposed") {
                    this._parts.notify("refine-failed", `"${name}" stays as the networks made it. ${String(error)}`);
                }
            });
    }

    /** Stops the one under way. */
    public cancel(): void {
        this._parts.refinement.cancel();
    }

    /** Waits until none is under way. @returns whether the person has the photos' detail */
    public async whenIdleAsync(): Promise<boolean> {
        await this._parts.refinement.whenIdleAsync();
        return this.isDone;
    }

    /** Takes the detail away at once. */
    public undo(): void {
        ThrowIfDisposed(this._avatar);
        this._parts.refinement.cancelSharpening();
        this._parts.person.setDetail(null, 0);
    }

    /** Stops the one under way if no other avatar of the person is left. */
    public dispose(): void {
        if (this._parts.person.memberCount === 0) {
            this._parts.refinement.cancel(
                new FlexAvatarError("disposed", `The avatar "${this._avatar.name}" was disposed while it was refined.`),
            );
        }
    }
}
