package chain

// taste is what somebody buys.
type taste int

const (
	mixed    taste = iota // of everything
	everyday              // what costs little
	dear                  // what costs much
)

// product is a thing on sale. hkd is its price in cents, warranty in months.
type product struct {
	id, name, category, brand string
	hkd                       int64
	warranty                  int
}

// catalogue is all that is on sale. Brands and products are invented.
func catalogue() []product {
	return []product{
		{"P101", "Oolong tea, 150 g", "Food hall", "Lotus Hill", 88_00, 0},
		{"P102", "Egg rolls, gift tin", "Food hall", "Kam Ho", 128_00, 0},
		{"P103", "Dried scallops, 300 g", "Food hall", "Sai Yuen", 480_00, 0},
		{"P104", "XO sauce", "Food hall", "Kam Ho", 98_00, 0},
		{"P105", "Pineapple cakes, 12", "Food hall", "Formosa Oven", 120_00, 0},
		{"P106", "Mooncakes, box of 4", "Food hall", "Kam Ho", 268_00, 0},
		{"P201", "Day cream", "Beauty", "Hanlu", 320_00, 0},
		{"P202", "Sheet masks, 10", "Beauty", "Hanlu", 180_00, 0},
		{"P203", "Eau de parfum, 50 ml", "Beauty", "Noor", 890_00, 0},
		{"P204", "Lip colour", "Beauty", "Vermilion", 210_00, 0},
		{"P205", "Sun lotion SPF 50", "Beauty", "Hanlu", 168_00, 0},
		{"P301", "Linen shirt", "Fashion", "Mori", 590_00, 0},
		{"P302", "Down jacket", "Fashion", "Northpier", 1890_00, 0},
		{"P303", "Silk scarf", "Fashion", "Vermilion", 980_00, 0},
		{"P304", "Running shoes", "Fashion", "Kite", 890_00, 0},
		{"P305", "Socks, 3 pairs", "Fashion", "Mori", 99_00, 0},
		{"P306", "Leather handbag", "Fashion", "Aurelia", 8800_00, 0},
		{"P307", "Cashmere coat", "Fashion", "Aurelia", 12800_00, 0},
		{"P401", "Rice cooker", "Home", "Sakuma", 1280_00, 24},
		{"P402", "Bath towels, 2", "Home", "Mori", 198_00, 0},
		{"P403", "Wok, 32 cm", "Home", "Iron Pearl", 420_00, 0},
		{"P404", "Dehumidifier", "Home", "Sakuma", 2680_00, 24},
		{"P405", "Massage chair", "Home", "Restwell", 19800_00, 36},
		{"P501", "Headphones", "Electronics", "Tonewood", 1680_00, 12},
		{"P502", "Phone charger", "Electronics", "Volta", 149_00, 12},
		{"P503", "Tablet, 11 inch", "Electronics", "Lumen", 4590_00, 12},
		{"P504", "Camera", "Electronics", "Kestrel", 11900_00, 24},
		{"P505", "Television, 65 inch", "Electronics", "Lumen", 8990_00, 36},
		{"P506", "Smart watch", "Electronics", "Volta", 2280_00, 12},
		{"P601", "Wooden train", "Toys", "Little Junk", 260_00, 0},
		{"P602", "Building blocks", "Toys", "Brickyard", 399_00, 0},
		{"P603", "Plush panda", "Toys", "Little Junk", 159_00, 0},
		{"P701", "Gold pendant", "Jewellery", "Fook Sing", 6800_00, 0},
		{"P702", "Jade bangle", "Jewellery", "Fook Sing", 15800_00, 0},
		{"P703", "Watch, automatic", "Jewellery", "Meridian", 23800_00, 24},
		{"P704", "Pearl earrings", "Jewellery", "Fook Sing", 3900_00, 0},
	}
}

var (
	givenNames = []string{"mei", "ka-yan", "wing", "siu-ming", "chi-hang", "yuk-lan", "hoi-ting", "jun-hao", "yi-chun",
		"shu-fen", "wei-ting", "tsz-kit", "man-wai", "lok-yi", "pui-shan", "kwok-wah", "ya-wen", "chia-hao"}
	familyNames = []string{"chan", "wong", "lee", "lam", "cheung", "ho", "ng", "yip", "leung", "chen", "lin", "huang", "wu",
		"tsai", "kwok", "fung"}
	districts  = []string{"Sha Tin", "Wan Chai", "Mong Kok", "Tuen Mun", "North Point", "Kwun Tong", "Sai Kung"}
	cities     = []string{"Taipei", "Taichung", "Tainan", "Hsinchu"}
	queries    = []string{"gift", "tea", "jacket", "headphones", "rice cooker", "jade", "moisturiser", "panda"}
	payments   = []string{"card", "wallet", "transfer", "instalments"}
	happenings = []string{"tea tasting", "late shopping night", "watch fair", "lion dance"}
	socials    = []string{"Social Mention", "Social Commented", "Social Shared", "Social Followed"}
	complaints = []string{"late delivery", "damaged", "wrong size", "billing"}
)
