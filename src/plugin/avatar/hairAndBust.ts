/** Hair beyond the scalp and bust of one avatar: what of them it shows. */
import type { TransformNode } from "@babylonjs/core/Meshes/transformNode.js";
import { FlexAvatarError } from "../../flame/error.js";
import type { ISplatSnapshot } from "../../runtime/format/splatFile.js";
import type { BustOption, HairOption } from "../page/avatarPage.js";
import { CheckHairSpring } from "../page/hairSpring.js";
import type { IPageMember, IPageSurface } from "../page/personPage.js";
import type { IAvatarDrawing, IDrawnPage } from "./avatarDrawing.js";
import type { IMakeSettings } from "./avatarFactory.js";
import type { IAvatarParts, IShownParts } from "./avatarInternals.js";
import type { AvatarPose } from "./avatarPose.js";
import type { HiddenParts } from "../../runtime/person/pageShape.js";
import { ThrowIfDisposed } from "./throwIfDisposed.js";

const BustOptions: readonly BustOption[] = ["auto", "none"];
const HairOptions: readonly HairOption[] = ["auto", "scalp"];

/** Owned by an avatar, and a member of its person's page. */
export class HairAndBust implements IPageMember {
    private _bust: BustOption;
    private _hair: HairOption;
    /** Null for a person without hair beyond the scalp and without a bust. */
    private _page: IDrawnPage | null = null;
    /** What is left out of what is shown. */
    private readonly _hidden = { hair: false, bust: false };
    /** Whether the head is on a character, which has a body. */
    private _isCarried = false;

    /**
     * @param _avatar its name is in texts
     * @param _parts of the avatar
     * @param _pose borrowed, as the next two
     * @param _surfaces receives what rays meet
     */
    public constructor(
        private readonly _avatar: TransformNode,
        private readonly _parts: IAvatarParts,
        private readonly _pose: AvatarPose,
        private readonly _drawing: IAvatarDrawing,
        private readonly _surfaces: { page: IPageSurface | null },
    ) {
        this._bust = _parts.shown.bust ?? "auto";
        this._hair = _parts.shown.hair ?? "auto";
        _parts.page.join(this);
        this.showPage();
    }

    /** See {@link FlexAvatar.bust}. */
    public get bust(): BustOption {
        return this._bust;
    }

    public set bust(value: BustOption) {
        CheckOption("bust", value, BustOptions);
        this._bust = value;
        this._hideParts();
    }

    /** See {@link FlexAvatar.hair}. */
    public get hair(): HairOption {
        return this._hair;
    }

    public set hair(value: HairOption) {
        CheckOption("hair", value, HairOptions);
        this._hair = value;
        this._hideParts();
    }

    /** Whether the head is on a character, which has a body. */
    public set isCarried(value: boolean) {
        this._isCarried = value;
        this._hideParts();
    }

    /** What draws it; null if the person has neither. */
    public get page(): IDrawnPage | null {
        return this._page;
    }

    /** Whether the person has a second map. */
    public get hasMap(): boolean {
        return this._parts.page.model !== null;
    }

    /** Whether there is a bust to see, for which clips may turn the torso. */
    public get showsBust(): boolean {
        return this.hasMap && this._bust === "auto" && !this._hidden.bust;
    }

    /** Whether there is hair to swing. */
    public get swings(): boolean {
        return this._page !== null && !this._hidden.hair;
    }

    public get hiddenParts(): HiddenParts {
        return { hair: this._hair === "scalp", bust: this.showsNeckEnd };
    }

    public get showsNeckEnd(): boolean {
        return this._bust === "none" || this._isCarried;
    }

    public get showsScalp(): boolean {
        return this._hair === "scalp" || this._pose.hairSpring !== null;
    }

    /** Leaves out what hair and bust hide of the head. Called before every frame; allocates nothing. */
    public coverHead(): void {
        this._drawing.splats?.setCovered(this._page?.splats ? this._parts.page.covered : null);
    }

    /** See {@link FlexAvatar.setSecondMapAsync}. */
    public async setMapAsync(map: Float32Array | null, settings: IMakeSettings): Promise<void> {
        const { page, refinement } = this._parts;
        ThrowIfDisposed(this._avatar);
        refinement.cancelFilling();
        if (!map) {
            page.set(null);
            return;
        }
        const model = await this._parts.loadPageAsync(settings);
        ThrowIfDisposed(this._avatar);
        const wanted = 14 * model.mapSize ** 2;
        if (map.length !== wanted || !map.every(Number.isFinite)) {
            const what = map.length === wanted ? "numbers that are not finite" : `${map.length} numbers`;
            throw new FlexAvatarError(
                "invalid-argument",
                `setSecondMapAsync got ${what}, wanted [14,${model.mapSize},${model.mapSize}] finite ones.`,
            );
        }
        refinement.cancelFilling();
        page.set({ model, map });
    }

    public showPage(): void {
        const { page } = this._parts;
        if (page.model && !this._page) {
            this._page = this._drawing.createPage(page, this._pose);
        } else if (!page.model && this._page) {
            this._dropPage();
            this._surfaces.page = null;
        }
        if (this._page) {
            this._showParts(this._page);
        }
    }

    /** What is shown of it, for a frozen copy. */
    public snapshots(): ISplatSnapshot[] {
        const { page } = this._parts;
        const shown = this._page && page.shownPart(this._hidden);
        if (!shown) {
            return [];
        }
        const pose = { expression: new Float32Array(0), pose: this._pose.page.pose.slice() };
        return [{ ...shown, staticMap: page.map.slice(), deltaMap: null, pose }];
    }

    /** Gives the buffers back; {@link showPage} takes others. */
    public suspend(): void {
        this._page?.hide();
    }

    /** Leaves the person, and gives the buffers back. */
    public dispose(): void {
        this._parts.page.leave(this);
        this._dropPage();
    }

    /** Follows the options and the character. */
    private _hideParts(): void {
        const { hair, bust } = this._hidden;
        const now = this.hiddenParts;
        if (this._page && (hair !== now.hair || bust !== now.bust)) {
            this._showParts(this._page);
        }
    }

    private _showParts(shown: IDrawnPage): void {
        const { page } = this._parts;
        const hidden = Object.assign(this._hidden, this.hiddenParts);
        this._pose.hangPage();
        try {
            shown.show(hidden);
        } catch (error) {
            this._parts.notify(
                "page-unused",
                `The hair and the bust of "${this._avatar.name}" cannot be shown; the head is shown alone. ${String(error)}`,
            );
        }
        this._surfaces.page = page.surfaceOf(hidden);
    }

    private _dropPage(): void {
        this._page?.dispose();
        this._page = null;
    }
}

/** Refuses options of wrong values. @throws FlexAvatarError `invalid-argument` */
export function CheckShownParts({ bust = "auto", hair = "auto", hairSpring }: IShownParts): void {
    CheckOption("bust", bust, BustOptions);
    CheckOption("hair", hair, HairOptions);
    CheckHairSpring(hairSpring ?? {});
}

function CheckOption(name: string, value: string, wanted: readonly string[]): void {
    if (!wanted.includes(value)) {
        throw new FlexAvatarError(
            "invalid-argument",
            `${name} is ${JSON.stringify(value)}, wanted ${wanted.map((one) => `"${one}"`).join(" or ")}.`,
        );
    }
}
