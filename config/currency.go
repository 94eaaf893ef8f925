package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/touchfold/touchfold/events"
)

// The currencies of ISO 4217 with a country or a union behind them. A code that is not among them is taken for a slip of
// the pen, for all orders would else count as in another currency.
var currencies = strings.Fields(`
	AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CLF
	CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG
	HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA
	MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD
	RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX
	USD UYU UZS VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG`)

func currency(text string) (events.Currency, error) {
	if !slices.Contains(currencies, text) {
		return events.Currency{}, fmt.Errorf("%q is not a currency; write its ISO 4217 code, such as HKD%s", text, DidYouMean(text, currencies))
	}
	return events.ParseCurrency(text)
}
