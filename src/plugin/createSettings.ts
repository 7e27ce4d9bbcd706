/** Settings of the calls of a component that make an avatar. */
import type { IMakeSettings } from "./avatar/avatarFactory.js";
import type { BustOption, HairOption } from "./page/avatarPage.js";
import type { IHairSpringSettings } from "./page/hairSpring.js";
import type { PhotoSource } from "../runtime/photo/decode.js";
import type { RefineOption } from "../runtime/person/refineSettings.js";
import type { ISplatSettings } from "../runtime/splats/makeSplats.js";

/** Settings of {@link FlexAvatarComponent.createFromPhotosAsync} and {@link FlexAvatarComponent.loadAsync}. */
export interface ICreateSettings extends IMakeSettings {
    /** Name of the avatar node. Default: "avatar" and a number, or the name in the file. */
    name?: string;
    /** What {@link FlexAvatar.bust} is at first. Default "auto". From photos, "none" makes no bust. */
    bust?: BustOption;
    /**
     * What {@link FlexAvatar.hair} is at first. Default "auto". From photos, "scalp" makes no hair beyond the scalp.
     */
    hair?: HairOption;
    /** What {@link FlexAvatar.hairSpring} is at first. Default null: hair does not swing. */
    hairSpring?: IHairSpringSettings | null;
}

/** Settings of {@link FlexAvatarComponent.createFromPhotosAsync}. */
export interface IPhotoCreateSettings extends ICreateSettings {
    /**
     * Whether the avatar is refined with the photos' own detail once it is there, beside the page. Default "auto": with
     * default settings. Hair beyond the scalp and the bust follow, or come at once where this is false. `signal` stops
     * that too. What goes wrong then is a notice; the avatar stays as it was.
     */
    refine?: RefineOption;
    /**
     * A photo of the person from straight behind, upright, with head and shoulders, beside the one to four: hair and
     * bust take their colors there, and the hair its length, from it. Where it does not fit it is not used, with the
     * notice `back-unused`.
     */
    back?: PhotoSource;
}

/** Settings of {@link FlexAvatarComponent.loadSplatsAsync}. */
export interface ISplatCreateSettings extends IMakeSettings, ISplatSettings {
    /** Name of the avatar node. Default: "avatar" and a number. */
    name?: string;
}
