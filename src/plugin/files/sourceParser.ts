/** Brings back the sources of an avatar that a scene file has. */
import { Vector3 } from "@babylonjs/core/Maths/math.vector.js";
import type { Scene } from "@babylonjs/core/scene.js";
import { FlexAvatarError } from "../../flame/error.js";
import type { FlexAvatar } from "../avatar/flexAvatar.js";
import { ClipSource, type IClipSourceSettings } from "../live/faceClip.js";
import type { IFaceSource, ISavedSource } from "../live/faceSource.js";
import { LifeSource } from "../live/lifeSource.js";
import { LookAtSource, type ILookAtSettings } from "../live/lookAtSource.js";
import { ParseFaceClip } from "../live/readFaceClip.js";
import { SavedSource, type ISavedHandle } from "../live/savedSource.js";
import { StreamSource } from "../live/streamSource.js";

/**
 * Puts a source back on an avatar. One that needs a device, a sound or code of the page comes back as a `SavedSource`,
 * with the notice `source-saved`.
 * @throws FlexAvatarError `invalid-argument` for settings that no source takes
 */
export function RestoreSource(
    saved: ISavedHandle,
    avatar: FlexAvatar,
    notify: (code: string, message: string) => void,
): void {
    const source = Create(saved, avatar.getScene());
    avatar.addSource(source, saved.handle);
    if (source instanceof SavedSource) {
        notify(
            "source-saved",
            `The source "${source.name}" of "${avatar.name}" came out of a scene file and needs what no file has. ` +
                `Find it in avatar.sources, and put a new one of the kind "${source.kind}" in its place.`,
        );
    }
}

function Create(saved: ISavedSource, scene: Scene): IFaceSource {
    const { kind, settings } = saved;
    switch (kind) {
        case "life":
            return new LifeSource(settings);
        case "stream":
            return new StreamSource(settings);
        case "clip": {
            if (typeof settings.clip !== "object" || settings.clip === null) {
                throw new FlexAvatarError("invalid-argument", "A clip of the scene file has no frames.");
            }
            return new ClipSource(ParseFaceClip(settings.clip), settings as IClipSourceSettings);
        }
        case "look at": {
            const { target } = settings;
            const place = Array.isArray(target) ? Vector3.FromArray(target as number[]) : null;
            const node = typeof target === "object" && target !== null && "id" in target ? target.id : null;
            const found = typeof node === "string" ? scene.getNodeById(node) : null;
            const at = target === "camera" ? "camera" : (place ?? found);
            return at ? new LookAtSource(at as never, settings as ILookAtSettings) : new SavedSource(saved);
        }
        default:
            return new SavedSource(saved);
    }
}
