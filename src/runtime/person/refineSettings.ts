/** What a user says about refinement, and what refinement tells a user. */
import type { PhotoSource } from "../photo/decode.js";

/** One report of a running refinement. */
export interface IRefineProgress {
    /** What is being done: "preparing the photos", "running the driver", "sharpening" or "filling hair and bust". */
    stage: string;
    /** 0 to 1 of the whole, hair and bust included. */
    fraction: number;
    /** Seconds that are left, as far as one can tell; undefined before that. */
    secondsLeft?: number;
}

/** Settings of {@link FlexAvatar.refineAsync}. A field left undefined keeps its default. */
export interface IRefineSettings {
    /**
     * Detail for close-ups, beside the colors: "auto", the default, where a photo shows the face large enough (its crop
     * has 700 pixels or more); false for none. It is drawn on faces of more than about 400 pixels, and takes 2 MB of
     * graphics memory a person.
     */
    closeUp?: "auto" | false;
    /**
     * Largest edge of the photos' crops from which colors are found, in pixels, 512 to 1024. Default 640 for one photo
     * and 512 for more. A larger one takes more time and memory (20 MB at 512, 26 MB at 768, 35 MB at 1024 for a photo,
     * without detail for close-ups), and shows only in close-ups.
     */
    cropPx?: number;
    /**
     * Times that what is missing in the picture is sent back to the colors, 1 to 16. Default 10. Fewer are faster and
     * softer.
     */
    rounds?: number;
    /**
     * Hair beyond the scalp, and bust, after that: "auto", the default, makes those that any avatar of the person shows
     * ({@link FlexAvatar.hair}, {@link FlexAvatar.bust}), in the place of earlier ones; false leaves them alone.
     */
    fill?: "auto" | false;
    /**
     * A photo of the person from straight behind, upright, with head and shoulders: it gives hair and bust their colors
     * there, and the hair its length. No face is looked for. Where it does not fit the person it is not used, with the
     * notice `back-unused`.
     */
    back?: PhotoSource;
    /** Seconds in which the detail fades in, and hair and bust where there were none. Default 0.5. */
    fadeSeconds?: number;
    /** Stops the refinement; the avatar keeps what it has. */
    signal?: AbortSignal;
    /** Told about the work. */
    onProgress?: (progress: IRefineProgress) => void;
}

/** Whether an avatar is refined when it is made: "auto" with the default settings, false not at all. */
export type RefineOption = "auto" | false | IRefineSettings;
