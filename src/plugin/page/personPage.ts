/**
 * What all avatars of a person have in common of the second page (hair beyond the scalp, and bust): its map, and the
 * GPU buffers that show it. Of the page only the texels that show something become Gaussians, so that short hair costs
 * nothing.
 */
import { HangingPage } from "../../flame/hangingPage.js";
import type { HeadModel } from "../../flame/headModel.js";
import { OuterRegions, PartOfRegion, RegionOfGaussian, type PagePart } from "../../flame/pageModel.js";
import { FindPageCover, type IPageCover } from "../../flame/pageCover.js";
import { TexelTableOf } from "../../flame/personalHead.js";
import { BuildTexelTable, type TexelTable } from "../../flame/texelTable.js";
import type { IAvatarFile } from "../../runtime/format/avatarFile.js";
import { AvatarBuffers, HeadBuffers } from "../../runtime/passes/index.js";
import { Finish, FinishInSlicesAsync, NextTaskAsync, type Work } from "../../runtime/slices.js";
import type { IPageMap, IPageModel } from "../../runtime/person/pageMap.js";
import { PageShapeOf, type HiddenParts, type IPageShape } from "../../runtime/person/pageShape.js";
import { HeadSurface } from "../attach/headSurface.js";

/** The logit of an opacity that nothing shows of. */
const Invisible = -12;
/** A face with a Gaussian more opaque than this is a surface for rays and shadows. */
const SolidLogit = 0;

/** One avatar of the person. */
export interface IPageMember {
    /** What of a page is shown; the other half is hidden for now. */
    readonly bust: string;
    readonly hair: string;
    /** What the avatar leaves out of a page. */
    readonly hiddenParts: HiddenParts;
    /** Whether the head may be seen where hair hides it: hair is left out, or may swing away. Asked every frame. */
    readonly showsScalp: boolean;
    /** Whether the neck's end may be seen where the bust hides it: the bust is left out. Asked every frame. */
    readonly showsNeckEnd: boolean;
    /** The page came, was replaced, or is gone. */
    showPage(): void;
}

/** One avatar's hold of GPU buffers. */
export interface IPageLease {
    readonly buffers: AvatarBuffers;
    /** Gives them back. Once. */
    release(): void;
}

/** What rays meet of the page. */
export interface IPageSurface {
    readonly surface: HeadSurface;
    /** Numbers of the page's faces. */
    readonly faces: Uint32Array;
}

/** Buffers of some parts, shared by the avatars that show the same ones. */
interface IShown {
    readonly head: HeadBuffers;
    readonly users: Set<AvatarBuffers>;
}

/** One per person; instances share it. */
export class PersonPage {
    private readonly _members = new Set<IPageMember>();
    /** The same, to be read in every frame. */
    private _memberList: readonly IPageMember[] = [];
    /** By what is hidden. */
    private _shown = new Map<string, IShown>();
    /** Gaussians that were counted already, by what is hidden. */
    private _shapes = new Map<string, IPageShape | null>();
    private _surface: HeadSurface | null = null;
    /** Undefined until it was looked for, after the first frame. */
    private _cover: IPageCover | null | undefined;
    /** What both hide. */
    private _both: Uint8Array | null = null;
    /** When the page was first drawn as it is: nothing is looked for before that frame is out. */
    private _firstFrame = -1;
    private _fadeStart = 0;
    private _fadeMs = 0;
    private _opacity = 1;
    private _frame = -1;

    /**
     * @param _file the person; its page is replaced here
     * @param _head model of the person's head
     * @param _model the page of its map; null if it has none, or if that is not at hand: then the head is shown alone
     */
    public constructor(
        private readonly _file: IAvatarFile,
        private readonly _head: HeadModel,
        private _model: IPageModel | null,
    ) {
        if (_file.page && _model) {
            HideOthers(this._table!, _file.page.map);
        }
    }

    /** How opaque the page is on all avatars, 0..1: less than 1 while it fades in. */
    public get opacity(): number {
        return this._opacity;
    }

    /** Whether any avatar of the person would show a bust, and hair beyond the scalp. */
    public get wanted(): Readonly<Record<PagePart, boolean>> {
        const members = [...this._members];
        return {
            bust: members.some(({ bust }) => bust !== "none"),
            hair: members.some(({ hair }) => hair !== "scalp"),
        };
    }

    /** The page as it was loaded, if the person has a map of it. */
    public get pageModel(): IPageModel | null {
        return this._file.page ? this._model : null;
    }

    /** The page that is shown, with joints of its own for hair; or null. */
    public get model(): HeadModel | null {
        return this._file.page && this._model ? HangingPage(this._model.model) : null;
    }

    /** [14,H,W], before activation; of the page that is shown. */
    public get map(): Float32Array<ArrayBuffer> {
        return this._file.page!.map as Float32Array<ArrayBuffer>;
    }

    /**
     * [n] 1 for Gaussians of the head that hair or bust hide on all avatars of the person, from wherever they are seen:
     * of hair nothing where some avatar shows the scalp, or hair that swings, and of the bust nothing where some avatar
     * leaves it out. Null for none, and while the page fades. The same object each time.
     */
    public get covered(): Uint8Array | null {
        const cover = this._cover;
        if (!this._file.page || !this._model || this._opacity < 1 || !cover) {
            return null;
        }
        let hair = true;
        let bust = true;
        for (let at = 0; at < this._memberList.length; at++) {
            const { showsScalp, showsNeckEnd } = this._memberList[at];
            hair &&= !showsScalp;
            bust &&= !showsNeckEnd;
        }
        if (hair && bust) {
            return (this._both ??= cover.head.map((hidden, g) => hidden | cover.neck[g]));
        }
        return hair ? cover.head : bust ? cover.neck : null;
    }

    public join(member: IPageMember): void {
        this._members.add(member);
        this._memberList = [...this._members];
    }

    public leave(member: IPageMember): void {
        this._members.delete(member);
        this._memberList = [...this._members];
    }

    /**
     * Replaces the map, or takes it away, for all avatars of the person.
     * @param page the map is copied
     */
    public set(page: IPageMap | null): void {
        this._replace(page, new Map());
    }

    /**
     * The same in slices: counting what is shown takes 100 ms.
     * @param fadeMs milliseconds in which it fades in, if there was none before
     * @param onSlice called between slices; it may throw, and then nothing has changed
     */
    public async setInSlicesAsync(page: IPageMap, fadeMs: number, onSlice: () => void): Promise<void> {
        const shapes = new Map<string, IPageShape | null>();
        const cover = await FinishInSlicesAsync(this._coverFor(page), onSlice);
        await FinishInSlicesAsync(ShapesOf(page, this._members, shapes, cover), onSlice);
        await NextTaskAsync(); // buffers and their first frame take 30 ms
        onSlice();
        const isNew = this.model === null;
        this._replace(page, shapes);
        this._setCover(cover);
        if (isNew && fadeMs > 0) {
            this._fadeStart = performance.now();
            this._fadeMs = fadeMs;
            this._opacity = 0;
        }
    }

    /**
     * Goes on with a fade, and looks for what the page hides once the first frame is out. Called by every avatar in every
     * frame; works once in each.
     */
    public update(frame: number): void {
        if (frame === this._frame) {
            return;
        }
        this._frame = frame;
        if (this._cover === undefined && this._shown.size > 0) {
            if (this._firstFrame < 0) {
                this._firstFrame = frame;
            } else {
                this._setCover(null);
                void this._findCoverAsync();
            }
        }
        if (this._fadeMs > 0) {
            this._opacity = Math.min(1, (performance.now() - this._fadeStart) / this._fadeMs);
            this._fadeMs = this._opacity < 1 ? this._fadeMs : 0;
        }
    }

    /** Ends a fade. */
    public finishFade(): void {
        this._opacity = 1;
        this._fadeMs = 0;
    }

    private _replace(page: IPageMap | null, shapes: Map<string, IPageShape | null>): void {
        // What is shown until now is given back by the avatars, one by one.
        this._shown = new Map();
        this._shapes = shapes;
        this._surface = null;
        this._setCover(undefined);
        this._firstFrame = -1;
        this.finishFade();
        if (page) {
            const { model, mapSize, sha256 } = page.model;
            this._model = page.model;
            this._file.page = { headModel: { name: model.name, sha256 }, mapSize, map: Float32Array.from(page.map) };
            HideOthers(this._table!, this._file.page.map);
        } else {
            delete this._file.page;
        }
        this._members.forEach((member) => member.showPage());
    }

    /**
     * Buffers that show the page.
     * @param device borrowed
     * @param hidden what they leave out
     * @returns null if nothing is left
     * @throws FlexAvatarError `too-many-avatars`
     */
    public acquire(device: GPUDevice, hidden: HiddenParts): IPageLease | null {
        const all = this._shown;
        const key = KeyOf(hidden);
        let shown = all.get(key);
        const isNew = !shown;
        if (!shown) {
            const head = this._createHead(device, hidden);
            if (!head) {
                return null;
            }
            shown = { head, users: new Set() };
        }
        const { head, users } = shown;
        let buffers: AvatarBuffers;
        try {
            const [twin] = users;
            buffers = new AvatarBuffers(device, head, twin);
        } catch (error) {
            if (isNew) {
                head.dispose();
            }
            throw error;
        }
        if (isNew) {
            buffers.setStaticMap(this.map);
            all.set(key, shown);
        }
        users.add(buffers);
        const release = (): void => {
            users.delete(buffers);
            buffers.dispose();
            if (users.size === 0) {
                head.dispose();
                all.delete(key);
            }
        };
        return { buffers, release };
    }

    /** The Gaussians of the parts that are not hidden, and what they are on; null if there are none. */
    public shownPart(hidden: HiddenParts): { readonly head: HeadModel; readonly table: TexelTable } | null {
        const { model } = this;
        const shape = model && this._shapeOf(hidden);
        return model && shape ? { head: model, table: shape.table } : null;
    }

    /** The skin of the page as a mesh; shared, so that it is computed once. Null if there is no page. */
    public get surface(): HeadSurface | null {
        const { model } = this;
        const { page } = this._file;
        if (!model || !page) {
            return null;
        }
        return (this._surface ??= new HeadSurface(model, { staticMap: page.map, mapSize: page.mapSize }));
    }

    /** What rays meet of the parts that are not hidden. Null if there is no page. */
    public surfaceOf(hidden: HiddenParts): IPageSurface | null {
        const { surface, _table: table } = this;
        if (!surface || !table) {
            return null;
        }
        const { model } = surface;
        const outer = OuterRegions(model);
        const shown = model.regions.map((region, index) => outer[index] > 0 && !hidden[PartOfRegion(region)]);
        const isSolid = new Uint8Array(model.faceCount);
        for (let g = 0; g < table.gaussianCount; g++) {
            if (this._logit(table, g) > SolidLogit && shown[RegionOfGaussian(table, g)]) {
                isSolid[table.face[g]] = 1;
            }
        }
        return { surface, faces: Uint32Array.from(Array.from(isSolid.keys()).filter((face) => isSolid[face] > 0)) };
    }

    /** Table of all texels of the page. */
    private get _table(): TexelTable | null {
        return this._model && TexelTableOf(HangingPage(this._model.model), this._model.mapSize);
    }

    private _logit({ texel, mapSize }: TexelTable, g: number): number {
        return this.map[3 * mapSize * mapSize + texel[g]];
    }

    private _setCover(cover: IPageCover | null | undefined): void {
        this._cover = cover;
        this._both = null;
    }

    /** Finds what hair and bust hide, in slices; then it is no longer drawn. */
    private async _findCoverAsync(): Promise<void> {
        const shapes = this._shapes;
        const page = { model: this._model!, map: this.map };
        const cover = await FinishInSlicesAsync(this._coverFor(page));
        const fewer = new Map<string, IPageShape | null>();
        if (cover?.page.includes(1)) {
            await FinishInSlicesAsync(ShapesOf(page, this._members, fewer, cover));
            await NextTaskAsync(); // buffers and their first frame take 30 ms
        }
        if (shapes !== this._shapes) {
            return; // the page was replaced
        }
        this._setCover(cover);
        if (fewer.size > 0) {
            this._shown = new Map(); // the avatars give back what is shown, one by one
            this._shapes = fewer;
            this._members.forEach((member) => member.showPage());
        }
    }

    /** @returns null for a page that does not say where its hair is, or that hides nothing */
    private *_coverFor({ model: page, map }: IPageMap): Work<IPageCover | null> {
        if (!page.fill) {
            return null;
        }
        const { mapSize, staticMap } = this._file;
        const model = HangingPage(page.model);
        const head = { model: this._head, table: TexelTableOf(this._head, mapSize), map: staticMap };
        const table = TexelTableOf(model, page.mapSize);
        yield 0;
        const cover = yield* FindPageCover(head, { model, table, map }, page.fill);
        return Object.values(cover).some((hidden: Uint8Array) => hidden.includes(1)) ? cover : null;
    }

    /** @returns null if nothing is left */
    private _createHead(device: GPUDevice, hidden: HiddenParts): HeadBuffers | null {
        const { model } = this;
        const shape = model && this._shapeOf(hidden);
        return model && shape && new HeadBuffers(device, model, shape.table, BuildTexelTable(model, 1), shape.levels);
    }

    private _shapeOf(hidden: HiddenParts): IPageShape | null {
        const key = KeyOf(hidden);
        if (!this._shapes.has(key)) {
            const page = { model: this._model!, map: this.map };
            this._shapes.set(key, Finish(PageShapeOf(page, hidden, this._cover ?? null)));
        }
        return this._shapes.get(key)!;
    }
}

function KeyOf({ hair, bust }: HiddenParts): string {
    return `${hair} ${bust}`;
}

/** The Gaussians of a page that its avatars will show. */
function* ShapesOf(
    page: IPageMap,
    members: Iterable<IPageMember>,
    shapes: Map<string, IPageShape | null>,
    cover: IPageCover | null,
): Work<void> {
    for (const { hiddenParts: hidden } of members) {
        if (!shapes.has(KeyOf(hidden))) {
            shapes.set(KeyOf(hidden), yield* PageShapeOf(page, hidden, cover));
        }
    }
}

/** Makes texels invisible that lie on no face of the page. */
function HideOthers({ gaussianOfTexel, mapSize }: TexelTable, map: Float32Array): void {
    const first = 3 * mapSize * mapSize;
    gaussianOfTexel.forEach((g, texel) => {
        if (g < 0) {
            map[first + texel] = Invisible;
        }
    });
}
